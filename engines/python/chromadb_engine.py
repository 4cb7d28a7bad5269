"""Chroma in the process, in memory: HNSW beside a log and metadata in SQLite."""

import importlib.metadata

import chromadb

from membench_engine import Engine, batches, serve

NAME = "index"


class Chroma(Engine):
    version = f"chromadb {importlib.metadata.version('chromadb')}"
    can = ["exact_distances", "insert", "delete", "filter"]
    parameters = ["m", "ef_construction", "ef", "threads"]

    def __init__(self):
        self.client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))

    def build(self, vectors, spec):
        graph = {
            "space": spec["distance"],
            "max_neighbors": spec["m"],
            "ef_construction": spec["ef_construction"],
            "ef_search": spec["ef"],
            "num_threads": spec["threads"],
        }
        self.index = self.client.create_collection(NAME, embedding_function=None, configuration={"hnsw": graph})
        for first, batch in batches(vectors, spec):
            self.insert(range(first, first + len(batch)), batch)

    def insert(self, ids, vectors):
        names, at_once = [str(i) for i in ids], self.client.get_max_batch_size()
        for first in range(0, len(names), at_once):
            self.index.add(ids=names[first : first + at_once], embeddings=vectors[first : first + at_once])

    def delete(self, ids):
        names, at_once = [str(i) for i in ids], self.client.get_max_batch_size()
        for first in range(0, len(names), at_once):
            self.index.delete(ids=names[first : first + at_once])

    def count(self):
        return self.index.count()

    def search(self, query, k, allowed):
        among = None if allowed is None else [str(i) for i in allowed]
        found = self.index.query(query_embeddings=query, n_results=k, ids=among, include=["distances"])
        return found["ids"][0], found["distances"][0]

    def drop(self):
        self.client.delete_collection(NAME)
        self.index = None


serve(Chroma())
