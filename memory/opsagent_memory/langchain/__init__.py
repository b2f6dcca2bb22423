"""This memory for LangChain and LangGraph: a retriever, LangGraph's store, LangChain's key-value store.

    from opsagent_memory.langchain import MemoryRetriever, MemoryStore

    retriever = MemoryRetriever(memory=memory, scope="host-1", k=5)
    graph = builder.compile(store=MemoryStore(memory))

The only place that knows LangChain; `import opsagent_memory` does not load it.
"""

from __future__ import annotations

from opsagent_memory.langchain.keyvalue import MemoryKeyValueStore
from opsagent_memory.langchain.retriever import MemoryRetriever
from opsagent_memory.langchain.store import MemoryStore

__all__ = ["MemoryKeyValueStore", "MemoryRetriever", "MemoryStore"]
