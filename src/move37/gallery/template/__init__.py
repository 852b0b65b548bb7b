"""`template`: make a real template library faster, with its own tests as the check. See docs/gallery/template.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="template",
    title="Processor time of a template library, its own tests passing, as a part of the original's",
    kind="speed",
    minutes=9.0,
    metric="relative_time",
    goal="minimize",
    baseline=1.0,
    reached=0.754,
    best_known=0.572,
    best_known_source="half an hour by hand, our own figure",
    evaluator_version=1,
    experiments=40,
    hours=6.0 / 60,
    source="pystache 0.6.8 (MIT), by C. Wanstrath, C. Jerdonek, T. D'Avella and others, from the package index",
    common=("fence.py",),
)
