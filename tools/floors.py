#!/usr/bin/env python3
"""Holds src/ to src/FLOORS: who may include whom, and no circles, not even inside a room."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def read_floors(path):
    """The rooms in the order of the file, each with the set of rooms it may include."""
    floors = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        room, _, allowed = line.partition(":")
        for below in allowed.split():
            if below not in floors:
                sys.exit(f"src/FLOORS:{number}: {room} names {below}, which is not below it")
        floors[room.strip()] = set(allowed.split())
    return floors


def room_of(floors, path):
    """server/http is a room of its own: the longest name that fits."""
    fitting = [room for room in floors if path.startswith(room + "/")]
    return max(fitting, key=len, default=None)


def circle_in(graph):
    """A list of modules that include each other in a ring, or None."""
    state = {}

    def visit(node, trail):
        state[node] = "open"
        for below in sorted(graph.get(node, ())):
            if state.get(below) == "open":
                return trail[trail.index(below):] + [below] if below in trail else [node, below]
            if below not in state:
                found = visit(below, trail + [below])
                if found:
                    return found
        state[node] = "done"
        return None

    for node in sorted(graph):
        if node not in state:
            found = visit(node, [node])
            if found:
                return found
    return None


def main(root):
    src = pathlib.Path(root) / "src"
    floors = read_floors(src / "FLOORS")
    faults, used, graph = [], {room: set() for room in floors}, {}
    for path in sorted(p for p in src.rglob("*") if p.suffix in (".c", ".h", ".def")):
        here = path.relative_to(src).as_posix()
        room = room_of(floors, here)
        if room is None:
            faults.append(f"src/{here}: stands in no room of src/FLOORS")
            continue
        for target in INCLUDE.findall(path.read_text()):
            goal = room_of(floors, target)
            if goal is None:
                faults.append(f'src/{here}: "{target}" is not written from src/')
                continue
            if goal != room:
                used[room].add(goal)
                if goal not in floors[room]:
                    faults.append(f"src/{here}: {room} may not include {goal} ({target})")
            module, below = here.rsplit(".", 1)[0], target.rsplit(".", 1)[0]
            if module != below and not target.endswith(".def"):
                graph.setdefault(module, set()).add(below)
    for room, allowed in floors.items():
        if used[room] or any(src.glob(f"{room}/*.c")):
            faults += [f"src/FLOORS: {room} no longer needs {name}"
                       for name in sorted(allowed - used[room])]
    circle = circle_in(graph)
    if circle:
        faults.append("a circle: " + " -> ".join(circle))
    print("\n".join(faults) or f"floors: {len(floors)} rooms, {len(graph)} modules, no circles")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
