"""The same work for strata, for its floor and for its peers.

A workload is a list of tables in dependency order; each writer puts it down in one program's own form. The
random choices have one seed, so every program gets the same tables on every machine.
"""
import datetime
import glob
import json
import os
import random
import re
from typing import NamedTuple

LAYERS = ("ods", "dwd", "dwm", "dws", "ads")


class Table(NamedTuple):
    layer: str
    name: str      # with the layer's prefix
    ups: list      # of names, in earlier layers or earlier in its own
    sql: str       # {name} stands for the table of that name, {date} for the partition's date
    partitioned: bool = False


def layered(count, partitioned=False):
    """Tiny tables over five layers: constants first, then joins of one to three tables of the layer before. Partitioned
    ones read their own date."""
    rnd = random.Random(7)
    per = count // len(LAYERS)
    tables = []
    for level, layer in enumerate(LAYERS):
        for i in range(per):
            ups = []
            if level:
                picks = sorted(rnd.sample(range(per), rnd.randint(1, 3)))
                ups = [f"{LAYERS[level - 1]}_t{j:05d}" for j in picks]
            tables.append(Table(layer, f"{layer}_t{i:05d}", ups, daily_join_of(ups) if partitioned else join_of(ups), partitioned))
    return tables


def daily_join_of(ups):
    where = "".join(f"{' and' if i else ' where'} a{i}.dt = '{{date}}'" for i in range(len(ups)))
    return join_of(ups) + (where or " where '{date}' > ''")


def join_of(ups):
    if not ups:
        return "select x as id, x * 3 as v from (select unnest(range(10)) as x) as t"
    source = "{%s} as a0" % ups[0]
    source += "".join(" join {%s} as a%d on a%d.id = a0.id" % (up, i, i) for i, up in enumerate(ups) if i)
    return f"select a0.id as id, {' + '.join(f'a{i}.v' for i in range(len(ups)))} as v from {source}"


def daily():
    """Five tables a day, each from the one before: 100 rows made from the date, then handed on."""
    tables = [Table("ods", "ods_step", [], "select '{date}' as ds, x as id, x * 2 as v from (select unnest(range(100)) as x) as t",
                    partitioned=True)]
    for k, layer in enumerate(LAYERS[1:], 1):
        up = tables[-1].name
        tables.append(Table(layer, f"{layer}_step", [up], "select ds, id, v + %d as v from {%s} where dt = '{date}'" % (k, up),
                            partitioned=True))
    return tables


def chain(count):
    """Each table reads the one before, all in one layer."""
    names = [f"dwd_c{i:03d}" for i in range(count)]
    return [Table("dwd", name, names[i - 1:i], join_of(names[i - 1:i])) for i, name in enumerate(names)]


def dates(first, count):
    day = datetime.date.fromisoformat(first)
    return [str(day + datetime.timedelta(i)) for i in range(count)]


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def name_of(tables):
    return {table.name: f"{table.layer}.{table.name}" for table in tables}


def write_strata(folder, tables, catalog=False):
    """A strata project; with `catalog`, tables.yaml has an entry for each table."""
    names = name_of(tables)
    layers = [layer for layer in LAYERS if any(t.layer == layer for t in tables)]
    rules = "".join(f"  {layer}: [{', '.join(layers[i - 1:i])}]\n" for i, layer in enumerate(layers))
    write(f"{folder}/dags/dw_config.yaml", "layer_dependencies:\n" + rules)
    for t in tables:
        sql = t.sql.format(**names, date="${PARTITION_DATE}")
        write(f"{folder}/dags/{t.layer}/{t.name}.sql", sql + "\n")
    entries = "".join(
        f"  {t.name}:\n    description: Table {t.name} of the workload.\n    owner: bench\n"
        f"    tags: [bench, {t.layer}]\n    primary_keys: [id]\n" for t in tables) if catalog else ""
    write(f"{folder}/tables.yaml", "project: {name: bench}\n" + (f"tables:\n{entries}" if entries else ""))


def write_sources(folder, tables, days):
    """A source in RAW for each table that reads no other, with a file on each of these days."""
    lines = ["sources:\n"]
    for t in (t for t in tables if not t.ups):
        lines.append(f"  {t.name}: {{path: raw/{t.name}, format: csv}}\n")
        write(f"{folder}/dags/{t.layer}/{t.name}.sql", f"select cast(id as int) as id, cast(v as int) as v from tmp_{t.name} where '${{PARTITION_DATE}}' > ''\n")
        for day in days:
            write(f"{folder}/raw/{t.name}/dt={day}/rows.csv", "id,v\n1,3\n2,6\n")
    with open(f"{folder}/dags/dw_config.yaml", "a", encoding="utf-8") as out:
        out.writelines(lines)


def write_schedules(folder, count):
    """Daily ones, none of them in the next hours."""
    begin = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=6)
    lines = ["schedules:\n"]
    for i in range(count):
        at = begin + datetime.timedelta(minutes=7 * i)
        lines.append(f"  daily{i:03d}: {{cron: '{at.minute} {at.hour} * * *', timezone: UTC, select: ads_t{i:05d}, catchup: latest}}\n")
    with open(f"{folder}/dags/dw_config.yaml", "a", encoding="utf-8") as out:
        out.writelines(lines)


def write_actions(folder, count, sql=False):
    """`count` actions of one layer: executables that are /bin/true and nothing else, or queries of a constant."""
    write(f"{folder}/dags/dw_config.yaml", "layer_dependencies:\n  ads: []\n")
    names = [f"ads_a{i:04d}" for i in range(count)]
    for name in names:
        if sql:
            write(f"{folder}/dags/ads/{name}.sql", "SELECT 1\n")
        else:
            write(f"{folder}/dags/ads/{name}.sh", "#!/bin/true\n", 0o755)
    write(f"{folder}/tables.yaml", "project: {name: bench}\ntables:\n" + "".join(f"  {name}: {{output: none}}\n" for name in names))


def write_makefile(path, count):
    names = " ".join(f"a{i:04d}" for i in range(count))
    write(path, f".PHONY: all {names}\nall: {names}\n{names}:\n\t@/bin/true\n")


def write_plan(path, tables, days=("",)):
    """What bench/floor.c reads: a line a task, a date after the other."""
    names = name_of(tables)
    lines = []
    for day in days:
        for t in tables:
            at = f"@{day}" if t.partitioned else ""
            ups = " ".join(names[up] + at for up in t.ups)
            lines.append("\t".join((t.layer, t.name, day if t.partitioned else "", ups, t.sql.format(**names, date=day))))
    write(path, "".join(line + "\n" for line in lines))


# How the sample's sources are read (dags/dw_config.yaml), for a program that does not know them.
SAMPLE_SOURCES = {
    "ods_flights": "'{root}/raw/daily/flights/dt={date}/*.csv', all_varchar = true",
    "ods_weather": "'{root}/raw/daily/weather/dt={date}/*.csv', all_varchar = true",
    "ods_airlines": "'{root}/raw/reference/airlines/*.csv', header = true, columns = {{'carrier': 'VARCHAR', 'name': 'VARCHAR'}}",
    "ods_airports": "'{root}/raw/reference/airports/*.csv', nullstr = 'NA'",
    "ods_planes": "'{root}/raw/reference/planes/*.csv', nullstr = 'NA'",
}


def sample_sql(root, table, date):
    """The query of a table of the sample for one date, in one line, and what must be run before it."""
    with open(f"{root}/dags/{table.split('_')[0]}/{table}.sql", encoding="utf-8") as file:
        text = re.sub(r"--[^\n]*", "", file.read())
    day = datetime.date.fromisoformat(date) if date else None
    text = re.sub(r"\$\{PARTITION_DATE([+-]\d+)?\}", lambda m: str(day + datetime.timedelta(int(m.group(1) or 0))), text)
    text = " ".join(text.split())
    before = ""
    if table in SAMPLE_SOURCES:
        before = f"CREATE OR REPLACE VIEW tmp_{table} AS SELECT * FROM read_csv({SAMPLE_SOURCES[table].format(root=root, date=date)}, hive_partitioning = false)"
    for layer, name in re.findall(r"(\w+)\.(\w+)_dt\(", text):
        before = f"CREATE OR REPLACE MACRO {layer}.{name}_dt(d) AS TABLE SELECT * FROM {layer}.{name} WHERE dt = d"
    if re.search(r"\bAS dt\b", text):  # it is never stored
        text = f"SELECT * EXCLUDE (dt) FROM ({text})"
    return before, text


def write_sample_plan(path, root):
    """What strata published of the sample below `root`, a table after the other, with what each partition read: for bench/floor.c.
    Returns how many."""
    parts, reads = {}, {}
    for name in glob.glob(f"{root}/*/*/**/manifest.json", recursive=True):
        with open(name, encoding="utf-8") as file:
            m = json.load(file)
        date = m["partition_date"] if m["partitioned"] else ""
        inputs = sorted((i["table"], i["partition"]) for i in m["inputs"] if not i["table"].startswith("source:"))
        parts.setdefault(m["dest"], {})[date] = inputs
        reads.setdefault(m["dest"], set()).update(table for table, _ in inputs)
    order = []
    while len(order) < len(parts):
        order += sorted(t for t in parts if t not in order and reads[t] <= set(order))
    lines = []
    for table in order:
        layer, name = table.split(".")
        for date in sorted(parts[table]):
            ups = " ".join(up + (f"@{day}" if day else "") for up, day in parts[table][date])
            before, sql = sample_sql(root, name, date)
            lines.append("\t".join([layer, name, date, ups] + ([before] if before else []) + [sql]))
    write(path, "".join(line + "\n" for line in lines))
    return len(lines)


def write_dbt(folder, tables):
    """A dbt project of the same tables in one DuckDB file, four threads as in dbt's own examples."""
    refs = {t.name: "{{ ref('%s') }}" % t.name for t in tables}
    write(f"{folder}/dbt_project.yml",
          "name: bench\nversion: '1.0'\nconfig-version: 2\nprofile: bench\nmodel-paths: [models]\n"
          "models:\n  bench:\n    +materialized: table\nflags:\n  send_anonymous_usage_stats: false\n")
    write(f"{folder}/profiles.yml",
          f"bench:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: {folder}/bench.duckdb\n      threads: 4\n")
    for t in tables:
        write(f"{folder}/models/{t.layer}/{t.name}.sql", t.sql.format(**refs, date="") + "\n")
