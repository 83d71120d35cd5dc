"""Pictures inside HTML outputs: found, compressed without loss, and held to the rules."""

import base64
import io

import numpy as np
import pytest

from course.authoring.html_pictures import embedded, pngs_of, with_pngs_changed, without_pngs
from course.authoring.pictures import compact
from course.authoring.rules import problems
from course.authoring.tidy import tidy


def png(width=200, height=100, noise=False):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels = np.full((height, width, 4), 255, np.uint8)
    if noise:
        pixels[..., :3] = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    told = PngInfo()
    told.add_text("Software", "a renderer")
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png", pnginfo=told)
    return stream.getvalue()


def img(file=None, alt="a map", width="100"):
    data = base64.b64encode(file or png()).decode("ascii")
    return f'<figure><img alt="{alt}" width="{width}" src="data:image/png;base64,{data}"/></figure>'


def notebook(html):
    opening = "# T\n\nGoals, prerequisites, 5 minutes"
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": html, "text/plain": "a map"}}
    return {
        "metadata": {},
        "cells": [
            {"cell_type": "markdown", "id": "t", "metadata": {}, "source": opening},
            {
                "cell_type": "code",
                "id": "c",
                "metadata": {},
                "source": "x",
                "execution_count": 1,
                "outputs": [output],
            },
        ],
    }


GOOD = {
    "one": img(),
    "as wide as a page may be, twice as dense": img(png(1728, 10), width="864"),
    "once as dense": img(png(100, 10), width="100"),
    "svg": '<svg viewBox="0 0 1 1"><title>a curve</title><g><path d="M0 0"/></g></svg>',
    "svg in an image, which JupyterLab shows untrusted": '<img alt="x" src="data:image/svg+xml;base64,AAAA">',
    "svg in svg": "<svg><title>all</title><svg><rect/></svg></svg>",
    "a sign beside words": '<svg aria-hidden="true"><path/></svg> passed',
    "no picture": "<table><tr><td>1</td></tr></table>",
    "in lines, as the file stores it": ["<p>1</p>\n", img()],
}

BAD = {
    "alt missing": (img().replace('alt="a map" ', ""), "<img> without an alt text"),
    "alt empty": (img(alt=" "), "<img> without an alt text"),
    "the second one": (img() + img(alt=""), "<img> without an alt text"),
    "svg untitled": ("<svg><path/></svg>", "<svg> without a <title>"),
    "title empty": ("<svg><title> </title></svg>", "<svg> without a <title>"),
    "title of a part": ("<svg><g><title>a dot</title></g></svg>", "<svg> without a <title>"),
    "title of the page": ("<title>x</title><svg/>", "<svg> without a <title>"),
    "title of an inner svg": ("<svg><svg><title>x</title></svg></svg>", "<svg> without a <title>"),
    "too wide": (img(png(1730, 10), width="865"), "width='865'"),
    "width unknown": (img().replace('width="100" ', ""), "width=''"),
    "width in percent": (img(width="100%"), "width='100%'"),
    "too dense": (img(png(201, 10)), "201 pixels shown on 100"),
    "too heavy": (img(png(250, 250, noise=True), width="125"), "at most 150000"),
    "svg in an image without words": ('<img src="data:image/svg+xml;base64,AAAA">', "<img> without an alt text"),
    "another format": ('<img alt="x" src="data:image/jpeg;base64,AAAA">', "data:image/jpeg"),
    "a file elsewhere": ('<img alt="x" src="https://example.org/a.png">', "'https://example.org/a.png'"),
    "in a style": ("<p style=\"background: url('data:image/webp;base64,AA')\">", "data:image/webp"),
    "a path in it": (img() + "/tmp/x", "a temporary path"),
}


@pytest.mark.parametrize("what", GOOD)
def test_sound_pictures_break_no_rule(what):
    assert problems(notebook(GOOD[what])) == []


@pytest.mark.parametrize("what", BAD)
def test_each_fault_is_found_alone(what):
    html, message = BAD[what]
    found = problems(notebook(html))
    assert len(found) == 1, found
    assert message in found[0]


def test_the_data_of_a_picture_are_no_path():
    """Base64 has slashes: only what people can read is searched for folders."""
    text = img().replace("base64,iVBO", "base64,iVBO/tmp/")
    assert not any("temporary" in line for line in problems(notebook(text)))


def test_tidying_compresses_embedded_pictures_and_keeps_every_pixel_and_word():
    import nbformat
    from PIL import Image

    before = png(noise=True)
    html = f"<p>α</p>{img(before)}<b>x</b>"
    made = nbformat.from_dict(notebook(html))
    tidy(made, {})
    after = made.cells[1].outputs[0].data["text/html"]
    (file,) = pngs_of({"text/html": after})
    assert file == compact(before)
    assert b"a renderer" not in file
    pixels = [np.asarray(Image.open(io.BytesIO(each)).convert("RGBA")) for each in (before, file)]
    assert np.array_equal(*pixels)
    assert without_pngs(after)[0] == without_pngs(html)[0]
    assert tidy(made, {}).cells[1].outputs[0].data["text/html"] == after


def test_pictures_come_in_the_order_of_the_page():
    small, large = png(10, 10), png(20, 10)
    data = {"text/html": img(small) + img(large), "image/png": base64.b64encode(png(30, 10)).decode()}
    assert pngs_of(data) == [png(30, 10), small, large]
    assert [each.png for each in embedded(data["text/html"])] == [small, large]
    assert with_pngs_changed(img(small), lambda _: large) == img(large)
