"""Trees of records and headers (SPEC.md sections 5, 6 and 14) and the state tree (section 8)."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from .digest import ZERO, digest
from .fault import Fault


MAX_LEAVES = 1 << 32
MAX_SELECTED = 4096


def leaf(frame: bytes) -> bytes:
    """The leaf of a record's frame [leaf-tag]."""
    return digest("leaf", frame)


def node(left: bytes, right: bytes) -> bytes:
    """An inner node of the record tree or the header tree."""
    return digest("node", left, right)


def root(leaves: list[bytes]) -> bytes:
    """The root over 1 or more leaves: leaf i of n is node n-1+i [tree-layout]."""
    n = len(leaves)
    if n == 0:
        raise ValueError("a tree has at least one leaf")
    nodes = [ZERO] * (n - 1) + leaves
    for j in range(n - 2, -1, -1):
        nodes[j] = node(nodes[2 * j + 1], nodes[2 * j + 2])
    return nodes[0]


def path_length(index: int, n: int) -> int:
    """Number of siblings on the way from leaf ``index`` of ``n`` to the root."""
    return (n + index).bit_length() - 1


def root_of_path(at_leaf: bytes, index: int, n: int, siblings: list[bytes]) -> bytes:
    """The root that a path leads to [tree-path]; n comes from what is signed, never from the path."""
    if n > MAX_LEAVES:
        raise Fault("T-COUNT", 0)
    if not 0 <= index < n:
        raise Fault("T-INDEX", 0)
    if len(siblings) != path_length(index, n):
        raise Fault("T-SIBLINGS", 0)
    at, known = n - 1 + index, at_leaf
    for sibling in siblings:
        known = node(known, sibling) if at % 2 else node(sibling, known)
        at = (at - 1) // 2
    return known


def path(leaves: list[bytes], index: int) -> list[bytes]:
    """The siblings from leaf ``index`` up to the root."""
    n = len(leaves)
    nodes = [ZERO] * (n - 1) + leaves
    for j in range(n - 2, -1, -1):
        nodes[j] = node(nodes[2 * j + 1], nodes[2 * j + 2])
    at, siblings = n - 1 + index, []
    while at:
        siblings.append(nodes[at + 1 if at % 2 else at - 1])
        at = (at - 1) // 2
    return siblings


def root_of_selection(indices: list[int], leaves: list[bytes], n: int, lemmas: list[bytes]) -> bytes:
    """The root over some leaves and lemmas [selection-lemmas]."""
    if n > MAX_SELECTED:
        raise Fault("T-COUNT", 0)
    if not indices:
        raise Fault("T-LEAVES", 0)
    if any(index >= n for index in indices):
        raise Fault("T-INDEX", 0)
    if any(after <= before for before, after in zip(indices, indices[1:])):
        raise Fault("T-ORDER", 0)
    if len(leaves) != len(indices):
        raise Fault("T-LEAVES", 0)
    level = {n - 1 + index: at_leaf for index, at_leaf in zip(indices, leaves)}
    queue = [-at for at in level]
    heapify(queue)
    spare = iter(lemmas)
    while (at := -heappop(queue)) > 0:
        mine = level.pop(at, None)
        if mine is None:
            continue  # it went up with its sibling
        sibling = level.pop(at + 1 if at % 2 else at - 1, None) or next(spare, None)
        if sibling is None:
            raise Fault("T-SIBLINGS", 0)
        level[(at - 1) // 2] = node(mine, sibling) if at % 2 else node(sibling, mine)
        heappush(queue, -((at - 1) // 2))
    if next(spare, None) is not None:
        raise Fault("T-SIBLINGS", 0)
    return level[0]


def state_leaf(key_digest: bytes, value_digest: bytes) -> bytes:
    """The state tree's subtree with one entry."""
    return digest("state leaf", key_digest, value_digest)


def bit(key_digest: bytes, depth: int) -> int:
    """A bit of a key digest, from the most significant of byte 0."""
    return key_digest[depth // 8] >> (7 - depth % 8) & 1


def common_bits(a: bytes, b: bytes) -> int:
    """Number of leading bits that two digests share."""
    return 256 - (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_length()


def state_root(entries: dict[bytes, bytes]) -> bytes:
    """The state root over canonical keys and values [state-tree]."""
    leaves = sorted((digest("state key", k), digest("state value", v)) for k, v in entries.items())
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        return state_leaf(*leaves[0])
    # Subtrees left of the next leaf, each with the depth of the fork that parts it from the one before.
    stack: list[tuple[int, Subtree]] = []
    for i, leaf in enumerate(leaves):
        fork = common_bits(leaves[i - 1][0], leaf[0]) if i else -1
        _merge(stack, fork)
        stack.append((fork, Subtree(leaf[0], state_leaf(*leaf), None)))
    _merge(stack, -1)
    return _lifted(stack[0][1], 0)


class Subtree(NamedTuple):
    """A subtree: a key in it, its digest, and the depth of its node (``None`` where it is one entry)."""

    key: bytes
    digest: bytes
    depth: int | None


def _merge(stack: list[tuple[int, Subtree]], fork: int) -> None:
    """Joins the subtrees whose forks are below ``fork``."""
    while len(stack) > 1 and stack[-1][0] > fork:
        depth, right = stack.pop()
        before, left = stack.pop()
        joined = digest("state node", _lifted(left, depth + 1), _lifted(right, depth + 1))
        stack.append((before, Subtree(left.key, joined, depth)))


def _lifted(subtree: Subtree, depth: int) -> bytes:
    """The digest of the subtree at ``depth``: an entry stays as it is, a node gets empty siblings."""
    below = subtree.digest
    for level in range((subtree.depth or 0) - 1, depth - 1, -1):
        below = state_join(subtree.key, level, below, ZERO)
    return below


def state_join(key_digest: bytes, depth: int, mine: bytes, sibling: bytes) -> bytes:
    """The node at ``depth`` over the subtree on the key's way and its sibling."""
    left, right = (sibling, mine) if bit(key_digest, depth) else (mine, sibling)
    return digest("state node", left, right)


def state_proof_root(key: bytes, value: bytes | None, other: tuple[bytes, bytes] | None, siblings: list[bytes]) -> bytes:
    """The state root that a proof leads to [state-proof]."""
    at = digest("state key", key)
    if value is not None:
        below = state_leaf(at, digest("state value", value))
    else:
        below = state_leaf(*other) if other is not None else ZERO
    for depth in range(len(siblings) - 1, -1, -1):
        below = state_join(at, depth, below, siblings[len(siblings) - 1 - depth])
    return below
