"""Milvus Lite: Milvus in the process, asked through pymilvus by a socket; its HNSW is faiss's, in segments. It filters, but its
graph then finds few or none of a short list of ids, so no filter is claimed."""

import importlib.metadata
import os
import tempfile

from pymilvus import DataType, MilvusClient

from membench_engine import Engine, batches, folder_bytes, serve

NAME = "index_of_vectors"
METRICS = {"l2": "L2", "ip": "IP", "cosine": "COSINE"}


class MilvusLite(Engine):
    version = f"milvus-lite {importlib.metadata.version('milvus-lite')}"
    can = ["exact_distances", "insert", "delete"]
    parameters = ["m", "ef_construction", "ef"]

    def build(self, vectors, spec):
        self.spec = spec
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.client = MilvusClient(os.path.join(self.folder.name, "index.db"))
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=spec["dim"])
        graph = MilvusClient.prepare_index_params()
        graph.add_index(
            "vector",
            index_type="HNSW",
            metric_type=METRICS[spec["distance"]],
            params={"M": spec["m"], "efConstruction": spec["ef_construction"]},
        )
        self.client.create_collection(NAME, schema=schema)
        for first, batch in batches(vectors, spec):
            self.insert(range(first, first + len(batch)), batch)
        self.client.flush(NAME)
        self.client.create_index(NAME, graph)
        self.client.load_collection(NAME)

    def insert(self, ids, vectors):
        self.client.insert(NAME, [{"id": int(i), "vector": row} for i, row in zip(ids, vectors)])

    def delete(self, ids):
        self.client.delete(NAME, ids=ids.tolist())

    def count(self):
        return self.client.query(NAME, filter="", output_fields=["count(*)"])[0]["count(*)"]

    def search(self, query, k, allowed):
        looks = {"metric_type": METRICS[self.spec["distance"]], "params": {"ef": max(k, self.spec["ef"])}}
        found = self.client.search(NAME, data=[query[0]], limit=k, search_params=looks, anns_field="vector")[0]
        distances = [hit["distance"] for hit in found]
        # Its ip and cosine are likenesses.
        return [hit["id"] for hit in found], distances if self.spec["distance"] == "l2" else [1 - d for d in distances]

    def disk_bytes(self):
        return folder_bytes(self.folder.name)

    def drop(self):
        self.client.drop_collection(NAME)
        self.client.close()
        self.client = None
        self.folder.cleanup()


serve(MilvusLite())
