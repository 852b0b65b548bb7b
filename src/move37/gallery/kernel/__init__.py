"""`kernel`: a matrix product in C, beside the library that numpy uses. See docs/gallery/kernel.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="kernel",
    title="Speed of a matrix product in C, as a part of that of numpy's BLAS on the same core (needs gcc)",
    kind="speed",
    minutes=12.0,
    metric="blas_share",
    goal="maximize",
    baseline=0.188,
    reached=0.612,
    best_known=1.0,
    best_known_source="OpenBLAS, as numpy ships it, measured in the same second",
    evaluator_version=1,
    experiments=100,
    hours=8.0 / 60,
    source="K. Goto and R. van de Geijn, Anatomy of high-performance matrix multiplication (2008)",
    common=("fence.py",),
)
