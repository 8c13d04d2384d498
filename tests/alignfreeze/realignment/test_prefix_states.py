import gc
import weakref

import pytest
import torch

from alignfreeze.realignment.prefix_states import PrefixCache, StateStore


def cache_of(memory: int, folder) -> PrefixCache:
    """One with so many bytes of memory."""
    cache = PrefixCache(0, folder)
    cache.left = memory
    return cache


def test_the_file_grows_as_it_must(tmp_path):
    store = StateStore(cache_of(16, tmp_path), torch.float32)
    states = [torch.full((rows, 4), float(rows)) for rows in (1, 3, 5, 40, 2)]
    for number, one in enumerate(states):
        store.add(bytes([number]), one)
    assert (len(store), store.on_disk) == (5, 4)
    for number, one in enumerate(states):
        assert torch.equal(store.get(bytes([number])), one)
    assert b"9" not in store
    with pytest.raises(KeyError):
        store.get(b"9")


def test_stores_share_a_budget(tmp_path):
    cache = cache_of(100, tmp_path)
    lower, upper = (cache.store("no", boundary, torch.float32) for boundary in (1, 2))
    lower.add(b"1", torch.zeros(5, 4))
    upper.add(b"1", torch.ones(5, 4))
    upper.add(b"2", torch.ones(1, 4))
    assert (len(lower), lower.on_disk) == (1, 0)
    assert (len(upper), upper.on_disk) == (2, 1)
    assert b"2" not in lower


def test_memory_is_free_with_the_cache(tmp_path):
    cache = cache_of(1 << 20, tmp_path)
    store = weakref.ref(cache.store("no", 1, torch.float32))
    gc.disable()
    try:
        del cache
        assert store() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("memory", [0, 1 << 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_comes_back_is_what_was_given_to_the_bit(tmp_path, memory, dtype):
    store = StateStore(cache_of(memory, tmp_path), dtype)
    states = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    store.add(b"1", states)
    if memory or dtype == torch.float32:
        assert torch.equal(store.get(b"1"), states)
    else:
        assert b"1" not in store
    store.add(b"2", states.half())
    assert torch.equal(store.get(b"2"), states.half().float())
