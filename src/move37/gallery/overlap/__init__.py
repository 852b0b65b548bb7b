"""`overlap`: a step function for the minimum overlap problem of Erdős. See docs/gallery/overlap.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="overlap",
    title="Upper bound of the constant of Erdős's minimum overlap problem",
    kind="mathematics",
    minutes=5.0,
    metric="overlap",
    goal="minimize",
    baseline=0.38451,
    reached=0.38153,
    best_known=0.380876,
    best_known_source="TTT-Discover (2026), arXiv:2601.16175; Haugland (2016) had 0.380927",
    evaluator_version=1,
    experiments=80,
    hours=3.5 / 60,
    source="P. Erdős (1955); J. K. Haugland (1996, 2016)",
    common=("construction.py",),
)
