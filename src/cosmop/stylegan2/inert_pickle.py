"""Read a pickle as inert data: what it would import or call becomes a record, never an act.

Python's own unpickler imports the names that a file holds and calls them. This reader follows the
same instructions (those that `pickletools` documents) on a stack of plain values: it imports
nothing, calls nothing and sets no attribute, so that what a file can do ends at being read.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

PERSISTENT_ID = "persistent_id"

_KEYS = (str, int, float, bool, bytes, type(None))  # the hash of a nested tuple recurses


class UnusablePickleError(Exception):
    """Why a pickle cannot be used (`str` of it), and what to do instead (`remedy`)."""

    def __init__(
        self, reason: str, remedy: str = "give an unchanged file from a source that you trust"
    ) -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Name:
    """Something that the pickle names, such as ``torch.float32``, not imported."""

    full: str


@dataclass(eq=False, slots=True)
class Record:
    """What the pickle would have called: the full name, the arguments, and what was then set."""

    name: str
    arguments: tuple[object, ...]
    items: dict[object, object] = field(default_factory=dict)
    state: object = None


def read_inert(stream: IO[bytes], admit: Callable[[str], None]) -> object:
    """Read one pickle from `stream`, which then stands behind it.

    `admit` is asked about each name before it goes on the stack, and about `PERSISTENT_ID` where
    the pickle refers to something outside of itself; it raises for what may not be in the file.

    Raises:
        UnusablePickleError: the pickle is cut short, damaged or asks for more than plain data; or
            `admit` raised it.
    """
    machine = _Machine(admit)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name not in _STEPS:
                named = f" of {argument[:100]!r}" if isinstance(argument, str) else ""
                raise UnusablePickleError(f"it holds the instruction {opcode.name}{named}")
            _STEPS[opcode.name](machine, argument)
        return machine.stack.pop()
    except (IndexError, KeyError, ValueError, MemoryError) as error:
        raise UnusablePickleError("it is cut short, damaged or no pickle") from error


def _want(kind: type | tuple[type, ...], value: Any, what: str) -> Any:
    if not isinstance(value, kind):
        raise UnusablePickleError(f"it wants to {what} a {type(value).__name__}")
    return value


class _Machine:
    """The stack, the marks and the memo of the pickle format; each method is an instruction."""

    def __init__(self, admit: Callable[[str], None]) -> None:
        self.admit = admit
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def nothing(self, _: object) -> None:
        pass

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self, _: object) -> None:
        del self.stack[-1]

    def mark(self, _: object) -> None:
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.below.pop()
        return values

    def last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError
        values = self.stack[-count:]
        del self.stack[-count:]
        return tuple(values)

    def remember(self, slot: int | None) -> None:
        self.memo[len(self.memo) if slot is None else slot] = self.stack[-1]

    def recall(self, slot: int) -> None:
        self.push(self.memo[slot])

    def name(self, module_and_name: str) -> None:
        full = module_and_name.replace(" ", ".", 1)
        self.admit(full)
        self.push(Name(full))

    def name_from_stack(self, _: object) -> None:
        module, name = self.last(2)
        self.name(f"{_want(str, module, 'import')} {_want(str, name, 'import')}")

    def call(self, _: object) -> None:
        called, arguments = self.last(2)
        called = _want(Name, called, "call")
        self.push(Record(called.full, _want(tuple, arguments, "call something with")))

    def refer(self, _: object) -> None:
        self.admit(PERSISTENT_ID)
        self.push(Record(PERSISTENT_ID, self.last(1)))

    def build(self, _: object) -> None:
        state = self.stack.pop()
        _want(Record, self.stack[-1], "set the state of").state = state

    def extend(self, values: list[Any]) -> None:
        _want(list, self.stack[-1], "append to").extend(values)

    def set_items(self, pairs: list[Any]) -> None:
        target = _want((dict, Record), self.stack[-1], "set an item of")
        items = target.items if isinstance(target, Record) else target
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            items[_want(_KEYS, key, "use as a key")] = value

    def add_to_set(self, _: object) -> None:
        values = [_want(_KEYS, value, "put into a set") for value in self.since_mark()]
        _want(set, self.stack[-1], "add to").update(values)

    def new_dict(self, _: object) -> None:
        pairs = self.since_mark()
        self.push({})
        self.set_items(pairs)


def _last_as_tuple(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(machine.last(count))


_LITERALS = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE SHORT_BINUNICODE "
    "BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8"
)
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _Machine.nothing),
    **dict.fromkeys(_LITERALS.split(), _Machine.push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_SET": lambda machine, _: machine.push(set()),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": _last_as_tuple(1),
    "TUPLE2": _last_as_tuple(2),
    "TUPLE3": _last_as_tuple(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "DICT": _Machine.new_dict,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": lambda machine, _: machine.nothing(machine.since_mark()),
    "APPEND": lambda machine, _: machine.extend(list(machine.last(1))),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": lambda machine, _: machine.set_items(list(machine.last(2))),
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "ADDITEMS": _Machine.add_to_set,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_from_stack,
    "BINPERSID": _Machine.refer,
    "BUILD": _Machine.build,
}
