"""Reads a drawing with a parser of its own: one SVG document, in which every argument is written."""
import sys
import xml.etree.ElementTree as tree

path, *names = sys.argv[1:]
root = tree.parse(path).getroot()
assert root.tag == "{http://www.w3.org/2000/svg}svg", root.tag
assert float(root.get("width")) > 0 and float(root.get("height")) > 0
text = " ".join("".join(root.itertext()).split())
for name in names:
    # Long names are shortened in the middle.
    drawn = name in text or (name[:8] in text and name[-8:] in text)
    assert drawn, f"{name} is not drawn"
