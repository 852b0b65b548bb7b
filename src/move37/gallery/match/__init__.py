"""`match`: find the machine that reproduces what an unknown one does. See docs/gallery/match.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="match",
    title="Agreement with an unknown machine of cells, another one in each directory",
    kind="discovery",
    minutes=4.0,
    metric="agreement",
    goal="maximize",
    baseline=0.5003,
    reached=0.8806,
    best_known=1.0,
    best_known_source="the machine itself",
    evaluator_version=1,
    experiments=200,
    hours=2.5 / 60,
    source="elementary machines of five neighbours with memory, after S. Wolfram (1983) and E. Fredkin",
)
