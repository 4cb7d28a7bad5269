"""AlayaLite: HNSW, built once."""

import importlib.metadata

import alayalite
import numpy as np

from membench_engine import Engine, serve


class AlayaLite(Engine):
    version = f"alayalite {importlib.metadata.version('alayalite')}"
    distances = ["l2", "cosine"]
    can = ["exact_distances", "save"]
    parameters = ["m", "ef_construction", "ef", "reserve", "threads"]

    def build(self, vectors, spec):
        self.spec = spec
        self.rows = len(vectors)
        parameters = alayalite.schema.IndexParams(
            index_type="hnsw",
            metric=spec["distance"],
            capacity=np.uint32(max(spec["reserve"], self.rows)),
            max_nbrs=2 * spec["m"],
        )
        self.index = alayalite.Index("index", parameters)
        self.index.fit(vectors, ef_construction=spec["ef_construction"], num_threads=spec["threads"])

    def count(self):
        return self.rows

    def search(self, query, k, allowed):
        looks = max(k, self.spec["ef"])
        ids, distances = self.index.batch_search_with_distance(query, k, ef_search=looks, num_threads=1)
        # Its cosine distance is minus the cosine.
        return ids[0], distances[0] if self.spec["distance"] == "l2" else 1 + distances[0]

    def save(self, folder):
        self.index.save(folder)

    def drop(self):
        self.index.close()
        self.index = None


serve(AlayaLite())
