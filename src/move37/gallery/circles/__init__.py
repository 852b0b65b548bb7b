"""`circles`: pack 26 circles into a unit square. See docs/gallery/circles.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="circles",
    title="Sum of the radii of 26 circles in a unit square",
    kind="mathematics",
    minutes=6.0,
    metric="sum_radii",
    goal="maximize",
    baseline=2.4867,
    reached=2.6234,
    best_known=2.635983,
    best_known_source="ShinkaEvolve (2025), arXiv:2509.19349; AlphaEvolve (2025) had 2.63586",
    evaluator_version=1,
    experiments=80,
    hours=4.0 / 60,
    source="E. Friedman's Packing Center; problem B.12 of AlphaEvolve (2025)",
    common=("construction.py",),
)
