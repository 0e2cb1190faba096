"""Random edits of a project: is what `plan` says what `run` does, and both what a model of freshness expects?

    python3 random_edits.py STRATA FOLDER SEED COUNT

Each round makes one edit (SQL, RAW, config, checks, something published, a forced run, or none), asks `strata plan` what
would be built or checked, runs it, and compares three sets of (table, partition): planned, tried or withheld by the run,
and the model's. The model knows, of each partition, what it was last built from: its own text and RAW, the version of
each partition that it read, and the checks that it has passed. So a build too many is found like one too few, also rounds
later. What is only checked is another node of the sets than what is built.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import time

DATES = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
ALL = "all"
DAY = "'${PARTITION_DATE}'"

# table: (upstreams with the days that are read of each, SQL with {k}, a constant that an edit changes)
TABLES = {
    "ods.ods_a": ({}, f"SELECT *, {{k}} AS k, {DAY} AS day FROM tmp_ods_a"),
    "ods.ods_b": ({}, f"SELECT *, {{k}} AS k, {DAY} AS day FROM tmp_ods_b"),
    "ods.ods_ref": ({}, "SELECT *, {k} AS k FROM tmp_ods_ref"),
    "dim.dim_ref": ({"ods.ods_ref": ALL}, "SELECT id, {k} AS k FROM ods.ods_ref"),
    "dwd.dwd_a": ({"ods.ods_a": (0, 0)}, f"SELECT id, n + {{k}} AS n FROM ods.ods_a WHERE dt = {DAY}"),
    "dwd.dwd_b": ({"ods.ods_b": (0, 0), "dim.dim_ref": ALL},
                  f"SELECT b.id, n + {{k}} AS n FROM ods.ods_b b LEFT JOIN dim.dim_ref r USING (id) WHERE b.dt = {DAY}"),
    "dwd.dwd_ab": ({"dwd.dwd_a": (0, 0), "dwd.dwd_b": (0, 0)},
                   "SELECT id, n, {k} AS k FROM dwd.dwd_a_dt('${PARTITION_DATE}') UNION ALL"
                   f" SELECT id, n, 0 FROM dwd.dwd_b WHERE dt = {DAY}"),
    "dws.dws_roll": ({"dwd.dwd_ab": (-2, 0)},
                     f"SELECT count(*) AS c, {{k}} AS k FROM dwd.dwd_ab WHERE dt BETWEEN '${{PARTITION_DATE-2}}' AND {DAY}"),
    "dws.dws_prev": ({"dwd.dwd_a": (-1, 0)},
                     f"SELECT count(*) AS c, {{k}} AS k FROM dwd.dwd_a WHERE dt >= '${{PARTITION_DATE-1}}' AND dt <= {DAY}"),
    "dws.dws_two": ({"dwd.dwd_a": (0, 0), "dwd.dwd_b": (-1, 0)},
                    f"WITH b AS (SELECT n FROM dwd.dwd_b WHERE dt BETWEEN '${{PARTITION_DATE-1}}' AND {DAY})"
                    f" SELECT n + {{k}} AS n FROM dwd.dwd_a WHERE dt = {DAY} UNION ALL FROM b"),
    "ads.ads_total": ({"dws.dws_roll": ALL}, "SELECT sum(c)::BIGINT AS c, {k} AS k FROM dws.dws_roll"),
    "ads.ads_late": ({"dws.dws_two": (2, 3)}, "SELECT count(*) AS c, {k} AS k FROM dws.dws_two WHERE dt >= '2024-01-03'"),
    "ads.ads_mix": ({"dws.dws_prev": (0, 0), "ads.ads_total": ALL},
                    f"SELECT p.c + t.c + {{k}} AS c FROM dws.dws_prev p, ads.ads_total t WHERE p.dt = {DAY}"),
}
# Columns that are a key of what each of these makes, whatever RAW has: one row.
KEYS = {"dws.dws_roll": ["c", "k"], "dws.dws_prev": ["c", "k"], "ads.ads_late": ["c", "k"]}
UNPARTITIONED = {"ods.ods_ref", "dim.dim_ref", "ads.ads_total", "ads.ads_late"}
CONFIG = {"layer_dependencies": {"ods": [], "dim": ["ods"], "dwd": ["ods", "dim"], "dws": ["dwd"], "ads": ["dws"]},
          "sources": {"ods_a": {"path": "raw/a"}, "ods_b": {"path": "raw/b"},
                      "ods_ref": {"path": "raw/ref", "partitioned": False}}}
COLUMNS = {"id": "BIGINT", "n": "BIGINT"}
STOCK = 4  # spare RAW folders of each source


def days_of(table):
    return [""] if table in UNPARTITIONED else DATES


class Project:
    def __init__(self, strata, folder, seed):
        self.strata, self.folder, self.random = strata, folder, random.Random(seed)
        self.sql = {t: 0 for t in TABLES}      # the constant
        self.broken = {}                       # table: the date at which it fails
        self.nullstr = {t: 0 for t in CONFIG["sources"]}
        self.comment = 0
        self.checks = {}                       # table: the columns of its key, which always holds
        self.passed = {}                       # by node: the last that were made on it
        self.raw = {}                          # (table, day): name of the folder that is there, or None
        self.built, self.version = {}, {}      # by node: what it was built from; how often
        self.damaged = set()
        self.made = 0
        for table in TABLES:
            self.write_sql(table)
        self.write_config()
        for source in CONFIG["sources"]:
            table = "ods." + source
            for day in days_of(table):
                self.raw[table, day] = self.make_raw(source)
                self.place_raw(table, day)
            os.makedirs(f"{folder}/stock/{source}")
            for _ in range(STOCK):
                self.stock(table, self.make_raw(source))

    # --- what is on the disk ---

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as out:
            out.write(text)

    def write_sql(self, table):
        sql = TABLES[table][1].replace("{k}", str(self.sql[table]))
        if table in self.broken:
            failing = "true" if table in UNPARTITIONED else f"{DAY} = '{self.broken[table]}'"
            sql = f"SELECT *, CASE WHEN {failing} THEN error('broken') END AS broken FROM ({sql})"
        self.write(f"dags/{table.replace('.', '/')}.sql", f"-- edit {self.comment}\n{sql}\n")

    def write_config(self):
        config = json.loads(json.dumps(CONFIG))
        for source, entry in config["sources"].items():
            entry["options"] = {"columns": COLUMNS, "nullstr": f"NULL{self.nullstr[source]}"}
        self.write("dags/dw_config.yaml", json.dumps(config))

    def write_checks(self):
        tables = {table.split(".")[1]: {"primary_keys": keys} for table, keys in self.checks.items()}
        self.write("tables.yaml", json.dumps({"tables": tables}))

    def make_raw(self, source):
        self.made += 1
        name = f"{source}-{self.made}"
        rows = "".join(f"{self.random.randrange(9)},{self.random.randrange(99)}\n" for _ in range(3))
        self.write(f"stock/new/{name}/part.csv", "id,n\n" + rows)
        return name

    def raw_path(self, table, day):
        path = CONFIG["sources"][table.split(".")[1]]["path"]
        return self.path(path, f"dt={day}") if day else self.path(path)

    def place_raw(self, table, day):
        os.makedirs(os.path.dirname(self.raw_path(table, day)), exist_ok=True)
        os.rename(self.path("stock/new", self.raw[table, day]), self.raw_path(table, day))

    def stock(self, table, name):
        os.rename(self.path("stock/new", name), self.path("stock", table.split(".")[1], name))

    # --- the model ---

    def reads(self, node):
        table, day = node
        for up, days in TABLES[table][0].items():
            if up in UNPARTITIONED:
                yield up, ""
            elif days == ALL:
                yield from ((up, d) for d in DATES)
            else:
                first = DATES.index(day) if day else 0
                yield from ((up, DATES[first + k]) for k in range(days[0], days[1] + 1) if 0 <= first + k < len(DATES))

    def own(self, node):
        table = node[0]
        source = table.split(".")[1]
        return self.sql[table], self.broken.get(table), self.nullstr.get(source), self.raw.get(node)

    def nodes(self):  # TABLES is in topological order
        return [(table, day) for table in TABLES for day in days_of(table)]

    def unchecked(self, stale):
        """What is to be checked as it is: other checks are declared than those it has passed; none need no look."""
        return {node for node in self.nodes()
                if node not in stale and self.checks.get(node[0]) and self.passed.get(node) != set(self.checks[node[0]])}

    def stale(self):
        found = set()
        for node in self.nodes():
            inputs = {up: self.version.get(up) for up in self.reads(node)}
            if self.built.get(node) != (self.own(node), inputs) or node in self.damaged or any(up in found for up in inputs):
                found.add(node)
        return found

    def build(self, done, forced=False):
        looked_at = set() if forced else self.unchecked(self.stale())
        for node in self.nodes():
            if node in done:
                self.passed[node] = set(self.checks.get(node[0], []))
            if node in done and node not in looked_at:
                self.version[node] = self.version.get(node, 0) + 1
                self.built[node] = (self.own(node), {up: self.version.get(up) for up in self.reads(node)})
                self.damaged.discard(node)

    # --- strata ---

    def call(self, *arguments):
        done = subprocess.run([self.strata, "-C", self.folder, "--output", "json", "-q", *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, 1):
            raise AssertionError(f"strata {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    def planned(self):
        rows = self.call("plan", "--start", DATES[0], "--end", DATES[-1])[1]
        return {(r["table"], r["partition"]): r["reason"] for r in rows if r["action"] != "fresh"}

    def run(self):
        status, summary = self.call("run", "--start", DATES[0], "--end", DATES[-1])
        rows = self.call("tasks", summary["run"])[1]
        results = {(r["table"], r["partition"] or ""): r["result"] for r in rows if r["result"] != "fresh"}
        good = {node for node, result in results.items() if result in ("success", "empty")}
        if (status == 0) != (len(good) == len(results)):
            raise AssertionError(f"status {status} with {results}")
        self.build(good)
        return set(results)

    # --- edits: each returns what it did ---

    def edit_sql(self):
        table = self.random.choice(list(TABLES))
        self.sql[table] += 1
        self.broken.pop(table, None)
        self.write_sql(table)
        return f"sql of {table}"

    def edit_comment(self):
        table = self.random.choice(list(TABLES))
        self.comment += 1
        self.write_sql(table)
        return f"comment of {table}"

    def edit_break(self):
        table = self.random.choice([t for t in TABLES if t.startswith(("dwd", "dws", "ads"))])
        self.broken[table] = self.random.choice(DATES)
        self.write_sql(table)
        return f"{table} fails at {self.broken[table]}"

    def edit_mend(self):
        mended = list(self.broken)
        self.broken.clear()
        for table in mended:
            self.write_sql(table)
        return f"mended {mended}"

    def edit_raw(self):
        node = self.random.choice(list(self.raw))
        source = node[0].split(".")[1]
        take = self.random.random() < 0.25 and bool(node[1])
        old, new = self.raw[node], None if take else self.random.choice(sorted(os.listdir(self.path("stock", source))))
        if old:
            os.rename(self.raw_path(*node), self.path("stock", source, old))
        if new:
            os.rename(self.path("stock", source, new), self.raw_path(*node))
        self.raw[node] = new
        return f"raw of {node}: {old} to {new}"

    def edit_config(self):
        source = self.random.choice(list(CONFIG["sources"]))
        self.nullstr[source] += 1
        self.write_config()
        return f"options of {source}"

    def published(self):
        for node in self.nodes():
            folder = self.path(node[0].replace(".", "/"), f"dt={node[1]}" if node[1] else "")
            if os.path.exists(os.path.join(folder, "manifest.json")):
                yield node, folder

    def edit_published(self):
        node, folder = self.random.choice(list(self.published()))
        files = [e.path for e in os.scandir(folder) if e.name.endswith(".parquet")]
        how = self.random.choice(["folder", "manifest"] + ["file"] * bool(files))  # a broken table may have lost it before
        if how == "folder":
            shutil.rmtree(folder)
        elif how == "file":
            os.unlink(files[0])
        else:
            os.unlink(os.path.join(folder, "manifest.json"))
        self.damaged.add(node)
        return f"removed the {how} of {node}"

    def edit_forced(self):
        table = self.random.choice([t for t in TABLES if t not in self.broken])
        day = self.random.choice(DATES)
        node = (table, "" if table in UNPARTITIONED else day)
        if any(up in self.stale() for up in self.reads(node)):
            return "nothing"
        status = self.call("run", table, "--force", "--date", day)[0]
        if status != 0:
            raise AssertionError(f"forced run of {node}: status {status}")
        self.build({node}, forced=True)
        return f"forced {node}"

    def edit_checks(self):
        table = self.random.choice([t for t in TABLES if t in KEYS])
        self.checks[table] = self.random.sample(KEYS[table], self.random.randrange(len(KEYS[table]) + 1))  # in any order
        self.write_checks()
        return f"checks of {table}: {self.checks[table]}"

    def edit_nothing(self):
        return "nothing"


EDITS = {"sql": 4, "comment": 2, "break": 1, "mend": 2, "raw": 8, "config": 1, "published": 6, "forced": 4, "checks": 4, "nothing": 1}


def compare(expected, checks, planned, ran, history):
    looks = {node for node, reason in planned.items() if reason == "checks changed"}
    if expected == set(planned) == ran and checks == looks:
        return
    lines = [f"rounds: {history}"]
    for node in sorted(expected | set(planned) | ran):
        sets = ("model", expected), ("plan", planned), ("run", ran), ("check", checks), ("planned check", looks)
        marks = [name if node in nodes else "-" for name, nodes in sets]
        if "-" in marks:
            lines.append(f"{node}: {' '.join(marks)} {planned.get(node, '')}")
    raise AssertionError("\n".join(lines))


def main():
    strata, folder, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    project = Project(strata, folder, seed)
    newest = time.time()
    history, builds, looks = [], 0, 0
    while time.time() < newest + 2.1:  # RAW counts as changing for two seconds; all that is ever used exists by now
        time.sleep(0.05)
    for turn in range(count + 1):
        if turn:
            kinds = list(EDITS)
            kind = project.random.choices(kinds, [EDITS[k] for k in kinds])[0]
            history.append(getattr(project, "edit_" + kind)())
        stale, planned = project.stale(), project.planned()
        checks = project.unchecked(stale)
        expected = stale | checks
        ran = project.run() if planned or turn % 10 == 0 else set()
        compare(expected, checks, planned, ran, history[-5:])
        builds += len(ran - checks)
        looks += len(ran & checks)
    print(f"{count} edits, {builds} builds, {looks} checks of what is published: plan, run and model agree")


if __name__ == "__main__":
    main()
