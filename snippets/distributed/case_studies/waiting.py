"""A drawing of ranks that wait for the slowest."""

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 340 120">
<g font-size="11">
<g fill="currentColor">
<text x="4" y="21">rank 0</text>
<text x="4" y="46">rank 1</text>
<text x="4" y="71">rank 2</text>
<text x="4" y="96">rank 3</text>
<g fill-opacity=".35">
<rect x="50" y="8" width="150" height="18"/>
<rect x="50" y="33" width="156" height="18"/>
<rect x="50" y="83" width="146" height="18"/></g>
<rect x="50" y="58" width="210" height="18" fill-opacity=".8"/>
<g fill-opacity=".12">
<rect x="260" y="8" width="70" height="93"/></g>
<text x="272" y="58">all-reduce</text>
<text x="214" y="21">waits</text>
<text x="214" y="46">waits</text>
<text x="214" y="96">waits</text>
<text x="50" y="116">work</text></g>
</g>
</svg>"""


def figure_straggler() -> str:
    """Four ranks of one step, one of which is slow."""
    return SVG
