"""nmslib: the HNSW of its authors, built once."""

import importlib.metadata
import os

import nmslib

from membench_engine import Engine, serve


class Nmslib(Engine):
    version = f"nmslib {importlib.metadata.version('nmslib')}"
    distances = ["l2", "cosine"]
    can = ["exact_distances", "save"]
    parameters = ["m", "ef_construction", "ef", "threads"]

    def build(self, vectors, spec):
        self.rows = len(vectors)
        space = "l2" if spec["distance"] == "l2" else "cosinesimil"
        self.index = nmslib.init(method="hnsw", space=space, data_type=nmslib.DataType.DENSE_VECTOR)
        self.index.addDataPointBatch(vectors)
        settings = {"M": spec["m"], "efConstruction": spec["ef_construction"]}
        self.index.createIndex({**settings, "indexThreadQty": spec["threads"], "post": 0})
        self.index.setQueryTimeParams({"efSearch": spec["ef"]})

    def count(self):
        return self.rows

    def search(self, query, k, allowed):
        return self.index.knnQuery(query[0], k=k)

    def save(self, folder):
        self.index.saveIndex(os.path.join(folder, "index"), save_data=True)

    def drop(self):
        self.index = None


serve(Nmslib())
