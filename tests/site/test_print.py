"""Paper is white, whatever the palette."""

import pytest

DARK_TEXT = """() => {
  const luminance = (color) => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    canvas.fillStyle = 'white'; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
      .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pale = [];
  const seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (seen.nextNode()) {
    const element = seen.currentNode.parentElement;
    if (!seen.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const color = element.closest('svg') ? style.fill : style.color;
    if (element.closest('svg') && color === 'rgb(255, 255, 255)') continue; // on a bar, which is printed
    if (color !== 'none' && 1.05 / (luminance(color) + 0.05) < 3) pale.push(`${seen.currentNode.data.trim().slice(0, 40)}: ${color}`);
  }
  return [...new Set(pale)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "distributed/fsdp/", "inference/kv-cache/"], ids=["home", "fsdp", "kv-cache"])
def test_everything_can_be_read_on_paper(visit, path, scheme):
    page = visit(color_scheme=scheme).open(path)
    page.emulate_media(media="print", color_scheme=scheme)
    page.wait_for_timeout(500)  # colors of links fade
    page.evaluate(
        "Promise.all(document.getAnimations().filter(a => a instanceof CSSTransition).map(a => a.finished.catch(() => 0)))"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert page.evaluate(DARK_TEXT) == []
