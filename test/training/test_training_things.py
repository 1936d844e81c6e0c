"""What lies on synthetic tables: surfaces that face outwards, textures and print of many kinds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from unet_perception.core.frame import U8
from unet_perception.errors import RequestError
from unet_perception.training.synthetic.catalogue import (
    KINDS,
    NAMES,
    check_kinds,
    random_thing,
)
from unet_perception.training.synthetic.colors import contrasting, luma, random_color
from unet_perception.training.synthetic.meshes import (
    BOX_CELLS,
    Mesh,
    box,
    extent,
    join,
    laid,
    lathe,
    mapped,
    moved,
    projected,
    superellipse,
    sweep,
)
from unet_perception.training.synthetic.prints import printed
from unet_perception.training.synthetic.textures import TEXTURES, muted

lengths = st.floats(0.01, 1.0)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def volume(mesh: Mesh) -> float:
    """Return the volume inside a closed surface; negative if it faces inwards."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return float((np.cross(a, b) * c).sum() / 6)


def open_edges(mesh: Mesh) -> int:
    """Count the edges that no neighbour runs through the other way."""
    edges = Counter((int(face[k]), int(face[k - 2])) for face in mesh.faces for k in range(3))
    return sum(edges[b, a] != count for (a, b), count in edges.items())


def is_image(image: U8, size: tuple[int, int]) -> bool:
    return image.dtype == np.uint8 and image.shape == (*size, 3)


@given(lengths, lengths)
def test_a_turned_cylinder_has_the_volume_of_its_prism(radius: float, height: float) -> None:
    mesh = lathe([(radius, 0.0), (radius, height)], around=24)
    area = 24 / 2 * radius**2 * np.sin(2 * np.pi / 24)
    assert volume(mesh) == pytest.approx(area * height)
    assert open_edges(mesh) == 0


@given(lengths, lengths, lengths)
def test_a_box_has_its_size_and_all_but_its_edges_of_the_volume(x: float, y: float, z: float):
    mesh = box((x, y, z), 0.02 * min(x, y, z))
    assert np.allclose(extent(mesh), (x, y, z))
    assert 0.99 * x * y * z < volume(mesh) < x * y * z


def test_a_swept_ring_closes_on_itself() -> None:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    spine = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring = sweep(spine, superellipse(24, 2), np.full((48, 2), 0.1), is_loop=True)
    assert volume(ring) == pytest.approx(2 * np.pi**2 * 0.1**2, rel=0.03)  # a torus


def test_what_is_laid_lies_and_still_faces_outwards() -> None:
    mesh = lathe([(0.1, 0.0), (0.1, 1.0)])
    assert np.allclose(extent(laid(mesh)), extent(mesh)[[0, 2, 1]])
    assert volume(laid(mesh)) == pytest.approx(volume(mesh))


def test_joined_surfaces_keep_their_volumes_and_textures() -> None:
    one = mapped(box((1, 1, 1), 0.01), (0.0, 0.0, 0.5, 1.0))
    other = mapped(moved(one, (3, 0, 0)), (0.5, 0.0, 1.0, 1.0))
    both = join(one, other)
    assert volume(both) == pytest.approx(2 * volume(one))
    first, second = np.split(both.texcoords[both.face_texcoords][..., 0], 2)
    assert first.max() < 0.5 < second.min()


def test_every_face_of_a_box_has_a_part_of_the_texture_of_its_own() -> None:
    mesh = box((1, 2, 3), 0.1)
    middles = mesh.texcoords[mesh.face_texcoords].mean(axis=1)
    cells = [tuple(int(k) for k in middle * (3, 2)) for middle in middles]
    assert set(Counter(cells).values()) == {len(middles) // 6}
    assert len(set(BOX_CELLS)) == len(set(cells)) == 6


def test_a_print_on_the_front_reads_from_left_to_right() -> None:
    front = projected(box((1, 0.2, 1), 0.01), (0, 2))
    texcoords = np.empty((len(front.vertices), 2))
    texcoords[front.faces] = front.texcoords[front.face_texcoords]
    order = np.argsort(front.vertices[:, 0])
    assert (np.diff(texcoords[order, 0]) >= 0).all()


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_thing_is_a_surface_that_fits_a_table(kind) -> None:
    for seed in range(12):
        mesh, texture, finish = kind(rng(seed))
        assert 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices)
        assert 0 <= mesh.face_texcoords.min() <= mesh.face_texcoords.max() < len(mesh.texcoords)
        assert -1e-9 <= mesh.texcoords.min() <= mesh.texcoords.max() <= 1 + 1e-9
        assert volume(mesh) > 0, 'it faces outwards'
        assert 0.005 < extent(mesh).max() < 0.5
        assert is_image(texture, texture.shape[:2])
        assert 0.2 < finish.alpha <= 1


def test_the_seed_decides_the_thing() -> None:
    first, again, other = (random_thing(rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.mesh.vertices, again.mesh.vertices)
    assert np.array_equal(first.texture, again.texture)
    assert not np.array_equal(first.texture, other.texture)


@pytest.mark.parametrize('name', TEXTURES)
def test_every_texture_fills_its_square_and_varies_with_the_seed(name: str) -> None:
    images = [TEXTURES[name](rng(seed), 64) for seed in range(4)]
    assert all(is_image(image, (64, 64)) for image in images)
    assert len({image.tobytes() for image in images}) == 4


@pytest.mark.parametrize('is_front', [True, False])
def test_print_has_edges_that_plain_paper_lacks(is_front: bool) -> None:
    contrasts = []
    for seed in range(40):
        face = printed(rng(seed), 120, 80, (120, 120, 120), is_front)
        assert is_image(face, (120, 80))
        contrasts.append((np.abs(np.diff(face.astype(int), axis=1)).max(2) > 60).mean())
    assert np.median(contrasts) > 0.02


def test_ink_can_be_read_on_its_paper() -> None:
    for seed in range(200):
        paper = random_color(rng(seed))
        assert abs(luma(contrasting(paper, rng(seed + 1))) - luma(paper)) > 90


def test_muting_takes_colour_out_of_most_and_never_adds_any() -> None:
    vivid: U8 = np.full((8, 8, 3), (250, 20, 20), np.uint8)
    spans = [int(np.ptp(muted(rng(seed), vivid)[0, 0].astype(int))) for seed in range(100)]
    assert max(spans) == 230
    assert np.median(spans) < 140


def test_only_things_of_the_kinds_asked_for_are_made() -> None:
    made: list[str] = []
    kinds = {kind: lambda _, kind=kind: made.append(kind.__name__) for kind in KINDS}
    with pytest.MonkeyPatch.context() as patch:
        named = {}
        for kind, make in kinds.items():
            make.__name__ = kind.__name__
            named[make] = KINDS[kind]
        patch.setattr('unet_perception.training.synthetic.catalogue.KINDS', named)
        for seed in range(200):
            random_thing(rng(seed), ('mug', 'banana'))
    assert set(made) == {'mug', 'banana'}
    assert made.count('mug') > made.count('banana') > 30, 'in proportion to their weights'


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    check_kinds(NAMES)
    with pytest.raises(RequestError, match=r"'moug' is no kind of thing; there are carton, .*mug"):
        check_kinds(['mug', 'moug'])
