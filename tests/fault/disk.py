"""A disk that forgets: plays the log of io_shim.c up to an instant and says what a power loss may leave then.

The model is as harsh as POSIX, and a little harsher than ext4: only what was synced is certain.
- A name (entry of a folder) is certain once its folder was synced after the change. Of the later changes any subset
  may survive, but a change brings with it the earlier ones of the same names and, of a rename, those of the same
  file or folder; a rename is one step, also between two folders.
- The bytes of a file are certain up to its last fsync. Later writes may be there, or be missing, cut short, or zeros.
"""
import os
import pathlib
import struct

CREATE, MKDIR, WRITE, TRUNCATE, LINK, UNLINK, RENAME, SYNC, SYNCFS, REPLY = range(1, 11)
RECORD = struct.Struct("=IIIIQQQQ")
EXCHANGE = 2


class Change:
    """A change of names: `sets` is [(folder, name, what is there then or None)]."""

    def __init__(self, at, sets, moved):
        self.at, self.sets, self.moved = at, sets, moved
        self.certain_from = None  # the instant of the sync that made it durable
        self.needs = []           # changes that it brings with it


class File:
    """The bytes of a file over time: [(instant, offset, bytes or None, size of a truncation)]."""

    def __init__(self, initial=b""):
        self.initial, self.writes, self.syncs, self.cache = initial, [], [], {}

    @staticmethod
    def apply(data, write):
        _, off, new, size = write
        if new is None:
            return data[:size] + b"\0" * (size - len(data))
        if len(data) < off:
            data = data + b"\0" * (off - len(data))
        return data[:off] + new + data[off + len(new):]

    def content(self, before):
        """As a program sees it at that instant."""
        count = sum(1 for w in self.writes if w[0] < before)
        if count not in self.cache:
            data = self.initial
            for w in self.writes[:count]:
                data = self.apply(data, w)
            self.cache[count] = data
        return self.cache[count]

    def after_loss(self, at, rng):
        synced = max((s for s in self.syncs if s < at), default=-1)
        certain, now = self.content(synced), self.content(at)
        if certain == now:
            return now
        how = rng.choice(("old", "now", "zeros", "short", "some"))
        if how == "old":
            return certain
        if how == "now":
            return now
        late = [w for w in self.writes if synced < w[0] < at]
        data = certain
        if how == "short":
            for w in late[:rng.randrange(len(late))]:
                data = self.apply(data, w)
            cut = rng.randrange(len(data) + 1)
            return data[:max(cut, min(len(certain), len(data)))]
        for w in late:
            lost = how == "zeros" or rng.random() < 0.5
            if w[2] is None:
                data = data if lost and how == "some" else self.apply(data, w)
            else:
                data = self.apply(data, (w[0], w[1], b"\0" * len(w[2]) if lost else w[2], None))
        return data


class Disk:
    """The log of one run over a folder that was synced before it."""

    ROOT = 0

    def __init__(self, root):
        """Takes the folder as it is: call it before the run."""
        self.files, self.folders, self.inodes = {}, {self.ROOT: {}}, {os.stat(root).st_ino: self.ROOT}
        self.changes, self.replies, self.next, self.end, self.syncfs = [], [], 1, 0, 0
        self._take(pathlib.Path(root), self.ROOT)
        self.initial = {number: dict(entries) for number, entries in self.folders.items()}

    def _new(self, inode, folder, content=b""):
        number, self.next = self.next, self.next + 1
        self.inodes[inode] = number
        if folder:
            self.folders[number] = {}
        else:
            self.files[number] = File(content)
        return number

    def _take(self, path, number):
        for entry in os.scandir(path):
            if entry.is_symlink():
                continue
            inode = entry.stat(follow_symlinks=False).st_ino
            if entry.is_dir(follow_symlinks=False):
                self.folders[number][entry.name] = self._new(inode, True)
                self._take(path / entry.name, self.folders[number][entry.name])
            else:
                known = self.inodes.get(inode)
                content = b"" if known is not None else pathlib.Path(entry.path).read_bytes()
                self.folders[number][entry.name] = known if known is not None else self._new(inode, False, content)

    def read(self, log):
        """The run is over: its log becomes changes, writes and syncs."""
        data, pos, at = pathlib.Path(log).read_bytes(), 0, 0
        last_of_name, last_of_moved = {}, {}
        pending = []  # changes that no sync has made certain
        while pos < len(data):
            op, n1, n2, size, dir1, dir2, inode, off = RECORD.unpack_from(data, pos)
            pos += RECORD.size
            name1, name2 = data[pos:pos + n1].decode(), data[pos + n1:pos + n1 + n2].decode()
            payload = data[pos + n1 + n2:pos + n1 + n2 + size]
            pos += n1 + n2 + size
            sets, moved = [], []
            if op == REPLY:
                self.replies.append((at, payload))
            elif op == WRITE:
                self.files[self.inodes[inode]].writes.append((at, off, payload, None))
            elif op == TRUNCATE:
                self.files[self.inodes[inode]].writes.append((at, 0, None, off))
            elif op == SYNC:
                number = self.inodes[inode]
                if number in self.files:
                    self.files[number].syncs.append(at)
                pending = self._certain(pending, at, lambda c, n=number: any(s[0] == n for s in c.sets))
            elif op == SYNCFS:
                self.syncfs += 1
                for f in self.files.values():
                    f.syncs.append(at)
                pending = self._certain(pending, at, lambda c: True)
            elif op in (CREATE, MKDIR):
                sets = [(self.inodes[dir1], name1, self._new(inode, op == MKDIR))]
            elif op == LINK:
                sets = [(self.inodes[dir1], name1, self.inodes[inode])]
            elif op == UNLINK:
                sets = [(self.inodes[dir1], name1, None)]
            elif op == RENAME:
                a, b = self.inodes[dir1], self.inodes[dir2]
                there, other = self.folders[a][name1], self.folders[b].get(name2)
                exchange = off & EXCHANGE
                sets = [(a, name1, other if exchange else None), (b, name2, there)]
                moved = [there] + ([other] if exchange else [])
            if sets:
                change = Change(at, sets, moved)
                for folder, name, value in sets:
                    if (folder, name) in last_of_name:
                        change.needs.append(last_of_name[folder, name])
                    last_of_name[folder, name] = change
                    if value is None:
                        self.folders[folder].pop(name, None)
                    else:
                        self.folders[folder][name] = value
                for number in moved:
                    if number in last_of_moved:
                        change.needs.append(last_of_moved[number])
                    last_of_moved[number] = change
                self.changes.append(change)
                pending.append(change)
            at += 1
        self.end = at

    @staticmethod
    def _certain(pending, at, which):
        rest, todo = [], [c for c in pending if which(c)]
        while todo:
            change = todo.pop()
            if change.certain_from is None:
                change.certain_from = at
                todo += change.needs
        for change in pending:
            if change.certain_from is None:
                rest.append(change)
        return rest

    def image(self, at, rng, how=None):
        """{path: bytes, or None for a folder} as a power loss before step `at` may leave it; all of it for `all`."""
        how = how or rng.choice(("nothing", "everything", "in order", "some", "most"))
        past = [c for c in self.changes if c.at < at]
        open_ones = [c for c in past if c.certain_from is None or c.certain_from >= at]
        keep = {"nothing": 0.0, "everything": 1.0, "all": 1.0, "some": 0.4, "most": 0.8}.get(how)
        if keep is None:
            chosen = open_ones[:rng.randrange(len(open_ones) + 1)]
        else:
            chosen = [c for c in open_ones if rng.random() < keep]
        kept, todo = set(), chosen[:]
        while todo:
            change = todo.pop()
            if id(change) not in kept:
                kept.add(id(change))
                todo += change.needs
        names = {number: dict(entries) for number, entries in self.initial.items()}
        for change in past:
            if id(change) in kept or (change.certain_from is not None and change.certain_from < at):
                for folder, name, value in change.sets:
                    names.setdefault(folder, {})[name] = value
        bytes_of = {}

        def walk(number, prefix, out):
            for name, value in names.get(number, {}).items():
                if value is None:
                    continue
                if value in self.folders:
                    out[prefix + name] = None
                    walk(value, f"{prefix}{name}/", out)
                else:
                    if value not in bytes_of:
                        f = self.files[value]
                        bytes_of[value] = f.content(at) if how == "all" else f.after_loss(at, rng)
                    out[prefix + name] = bytes_of[value]
            return out

        return walk(self.ROOT, "", {})

    def contents(self, path_end):
        """Every content that a file with such a name had when it got that name by a rename."""
        found = set()
        for change in self.changes:
            for _, name, value in change.sets:
                if name == path_end and value in self.files:
                    found.add(self.files[value].content(change.at))
        for entries in self.initial.values():
            if path_end in entries and entries[path_end] in self.files:
                found.add(self.files[entries[path_end]].initial)
        return found


def write_image(image, root):
    for path, data in image.items():
        target = os.path.join(root, path)
        if data is None:
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as f:
                f.write(data)
