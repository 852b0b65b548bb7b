"""`heilbronn`: eleven points in a triangle, no three of which make a small one. See docs/gallery/heilbronn.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="heilbronn",
    title="Smallest triangle among eleven points in a triangle",
    kind="mathematics",
    minutes=9.0,
    metric="min_area",
    goal="maximize",
    baseline=0.03081,
    reached=0.03616,
    best_known=0.03653,
    best_known_source="AlphaEvolve (2025), problem B.9",
    evaluator_version=1,
    experiments=80,
    hours=6.0 / 60,
    source="Heilbronn's problem for triangles; problem B.9 of AlphaEvolve (2025)",
    common=("construction.py",),
)
