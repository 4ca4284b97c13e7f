"""A drawing of the places at which a model is cut."""

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 340 214">
<g fill="none" stroke="currentColor" font-size="11">
<g id="fg-copy">
<g id="fg-node">
<rect x="34" y="8" width="112" height="66" rx="6"/>
<path d="M43 20h16v16h-16zM69 20h16v16h-16zM95 20h16v16h-16zM121 20h16v16h-16zM43 46h16v16h-16zM69 46h16v16h-16zM95 46h16v16h-16zM121 46h16v16h-16z"/>
<path stroke-width="3" d="M59 28h10M85 28h10M111 28h10M59 54h10M85 54h10M111 54h10M129 36v10M51 36v10"/></g>
<use href="#fg-node" x="182"/>
<path d="M146 41h69m-7-5 7 5-7 5"/></g>
<use href="#fg-copy" y="132"/>
<path stroke-dasharray="4 4" d="M90 74v66M272 74v66"/>
<g fill="currentColor" stroke="none">
<text x="181" y="32" text-anchor="middle">PP</text>
<text x="181" y="164" text-anchor="middle">PP</text>
<text x="97" y="111">DP</text>
<text x="279" y="111">DP</text>
<text x="10" y="45">TP</text>
<text x="10" y="177">TP</text></g>
</g>
</svg>"""


def figure_layout() -> str:
    """Two copies of a model in two stages of eight accelerators each."""
    return SVG
