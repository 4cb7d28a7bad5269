"""Annoy: random-split trees, built once. 10 trees; it searches ef candidates a tree."""

import importlib.metadata
import os

from annoy import AnnoyIndex

from membench_engine import Engine, serve

TREES = 10


class Annoy(Engine):
    version = f"annoy {importlib.metadata.version('annoy')}"
    distances = ["l2", "cosine"]
    can = ["exact_distances", "save"]
    parameters = ["ef", "threads"]

    def build(self, vectors, spec):
        self.spec = spec
        self.index = AnnoyIndex(spec["dim"], "euclidean" if spec["distance"] == "l2" else "angular")
        self.index.set_seed(1)
        for row, vector in enumerate(vectors):
            self.index.add_item(row, vector)
        self.index.build(TREES, n_jobs=spec["threads"])

    def count(self):
        return self.index.get_n_items()

    def search(self, query, k, allowed):
        candidates = max(self.spec["ef"], k) * TREES
        ids, distances = self.index.get_nns_by_vector(query[0], k, search_k=candidates, include_distances=True)
        # Its distances are roots: of the squared Euclidean distance, and of twice 1 minus the cosine.
        divisor = 1 if self.spec["distance"] == "l2" else 2
        return ids, [d * d / divisor for d in distances]

    def save(self, folder):
        self.index.save(os.path.join(folder, "index"))

    def drop(self):
        self.index = None


serve(Annoy())
