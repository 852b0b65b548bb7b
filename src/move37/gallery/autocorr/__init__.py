"""`autocorr`: a step function for the first autocorrelation inequality. See docs/gallery/autocorr.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="autocorr",
    title="Upper bound of the constant of the first autocorrelation inequality",
    kind="mathematics",
    minutes=5.0,
    metric="c1_bound",
    goal="minimize",
    baseline=1.5895,
    reached=1.5232,
    best_known=1.50286,
    best_known_source="TTT-Discover (2026), arXiv:2601.16175; Matolcsi and Vinuesa (2010) had 1.50992",
    evaluator_version=1,
    experiments=80,
    hours=3.5 / 60,
    source="M. Matolcsi and C. Vinuesa (2010); problem B.1 of AlphaEvolve (2025)",
    common=("construction.py",),
)
