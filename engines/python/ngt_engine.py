"""NGT by Yahoo Japan: ANNG, a graph with a tree that finds where to start. It has no ef: how far it looks is its own
default. The index is in memory; `create` wants a folder beside it, which is gone as soon as the index is open."""

import importlib.metadata
import os
import tempfile

import ngtpy

from membench_engine import Engine, batches, serve

DISTANCES = {"l2": "L2", "cosine": "Cosine"}


class Ngt(Engine):
    version = f"ngt {importlib.metadata.version('ngt')}"
    distances = list(DISTANCES)
    can = ["exact_distances", "save"]
    parameters = ["m", "threads"]

    def build(self, vectors, spec):
        self.spec = spec
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "index")
            ngtpy.create(path, spec["dim"], edge_size_for_creation=spec["m"], distance_type=DISTANCES[spec["distance"]])
            self.index = ngtpy.Index(path, log_disabled=True)
        for _, batch in batches(vectors, spec):
            self.index.batch_insert(batch, num_threads=spec["threads"])

    def count(self):
        return self.index.get_num_of_objects()

    def search(self, query, k, allowed):
        found = self.index.search(query[0], size=k)
        # Its L2 is the root.
        power = 2 if self.spec["distance"] == "l2" else 1
        return [i for i, _ in found], [distance**power for _, distance in found]

    def save(self, folder):
        self.index.export_index(os.path.join(folder, "index"))

    def drop(self):
        self.index.close()
        self.index = None


serve(Ngt())
