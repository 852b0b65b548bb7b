"""`cartpole`: swing a pole up on a cart and hold it there. See docs/gallery/cartpole.md."""

from move37.gallery.entry import GalleryEntry

ENTRY = GalleryEntry(
    name="cartpole",
    title="Share of time in which a pole on a cart is held upright, from whatever angle it starts",
    kind="control",
    minutes=4.0,
    metric="upright",
    goal="maximize",
    baseline=0.193,
    reached=0.399,
    best_known=0.773,
    best_known_source="random search over the same constants, our own figure",
    evaluator_version=1,
    experiments=120,
    hours=2.5 / 60,
    source="after Barto, Sutton and Anderson (1983); the controller after Astrom and Furuta (2000)",
)
