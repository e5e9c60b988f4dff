#!/usr/bin/env python3
"""Reads every view of the contract through the stock ADBC Flight SQL driver.

Usage: adbc_views.py URI USER PASSWORD CONTRACT_CSV

No option but user and password is set. Needs adbc-driver-flightsql, adbc-driver-manager and
pyarrow. The last line is "N passed, M failed"; the exit code is 0 only when nothing failed.
"""

import csv
import re
import sys
import warnings

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa

# The server has no transactions; the driver says so once for each connection.
warnings.filterwarnings("ignore", message="Cannot disable autocommit")

passed = 0
failed = 0


def check(name, test):
    """Runs one test; a test fails by raising."""
    global passed, failed
    try:
        test()
    except Exception as error:
        failed += 1
        print(f"FAIL {name}: {type(error).__name__}: {error}")
    else:
        passed += 1


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: found {found!r}, expected {expected!r}")


def wire_type(text):
    """The type that a contract column has on the wire."""
    plain = {
        "Int64": pa.int64(),
        "Float64": pa.float64(),
        "Utf8": pa.string(),
        "Boolean": pa.bool_(),
        "Date32": pa.date32(),
        "Time64(us)": pa.time64("us"),
        "Timestamp(us)": pa.timestamp("us"),
        "Timestamp(us, UTC)": pa.timestamp("us", tz="UTC"),
    }
    if text in plain:
        return plain[text]
    decimal = re.fullmatch(r"Decimal128\((\d+), ?(\d+)\)", text)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    raise ValueError(f"the contract has a type that this test does not know: {text}")


def contract(path):
    """View name to list of (column, type). `a.b` columns are the fields of a list of structs."""
    views = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            columns = views.setdefault(row["view"], {})
            kind = wire_type(row["arrow_type"])
            outer, dot, inner = row["column"].partition(".")
            if dot:
                columns.setdefault(outer, []).append((inner, kind))
            else:
                columns[outer] = kind
    return {view: list(columns.items()) for view, columns in views.items()}


def same_type(found, expected, what):
    if isinstance(expected, list):
        if not pa.types.is_list(found) or not pa.types.is_struct(found.value_type):
            raise AssertionError(f"{what}: found {found}, expected a list of structs")
        fields = [found.value_type.field(index) for index in range(found.value_type.num_fields)]
        equal([field.name for field in fields], [name for name, _ in expected], what)
        for field, (name, kind) in zip(fields, expected):
            same_type(field.type, kind, f"{what}.{name}")
    else:
        equal(found, expected, what)


def same_schema(schema, columns, view):
    """The contract's columns come first and in its order; extensions may follow."""
    names = [name for name, _ in columns]
    equal(schema.names[: len(names)], names, f"columns of {view}")
    for name, kind in columns:
        field = schema.field(name)
        same_type(field.type, kind, f"{view}.{name}")
        equal(field.nullable, True, f"{view}.{name} is nullable")
    for field in schema:
        lowered(field.type, f"{view}.{field.name}")


def lowered(kind, what):
    """No view, large or dictionary type anywhere: older drivers cannot read them."""
    text = str(kind)
    for word in ("view", "large_", "dictionary", "run_end"):
        if word in text:
            raise AssertionError(f"{what} is {text}")


def refused(cursor, sql):
    try:
        cursor.execute(sql)
        cursor.fetchall()
    except Exception as error:
        text = str(error)
        if "INVALID_ARGUMENT" not in text and "UNAUTHORIZED" not in text:
            raise AssertionError(f"refused for the wrong reason: {text}") from error
        if "Unavailable" in text or "Internal" in text:
            raise AssertionError(f"refused for the wrong reason: {text}") from error
        return
    raise AssertionError(f"was run: {sql}")


def unauthenticated(uri, user, password):
    try:
        with flightsql.connect(uri, db_kwargs={"username": user, "password": password}) as link:
            with link.cursor() as cursor:
                cursor.execute("select 1")
    except Exception as error:
        if "UNAUTHENTICATED" not in str(error).upper():
            raise AssertionError(f"refused for the wrong reason: {error}") from error
        return
    raise AssertionError("was let in")


def listed(connection):
    """View name to column names, from get_objects at full depth."""
    found = {}
    for catalog in connection.adbc_get_objects(depth="all").read_all().to_pylist():
        for schema in catalog["catalog_db_schemas"]:
            for table in schema["db_schema_tables"]:
                columns = table["table_columns"]
                found[table["table_name"]] = [column["column_name"] for column in columns]
    return found


def test_metadata(connection, views):
    def info():
        equal(connection.adbc_get_info()["vendor_name"], "activlake", "server name")

    def table_types():
        equal(connection.adbc_get_table_types(), ["VIEW"], "table types")

    def depths():
        for depth in ("catalogs", "db_schemas", "tables", "columns"):
            rows = connection.adbc_get_objects(depth=depth).read_all().to_pylist()
            equal(len(rows), 1, f"catalogs at depth {depth}")

    def filtered():
        objects = connection.adbc_get_objects(depth="tables", table_name_filter="events")
        (catalog,) = objects.read_all().to_pylist()
        tables = catalog["catalog_db_schemas"][0]["db_schema_tables"]
        equal([table["table_name"] for table in tables], ["events"], "filtered tables")

    def current():
        catalog = connection.adbc_current_catalog
        schema = connection.adbc_current_db_schema
        connection.adbc_current_catalog = catalog
        connection.adbc_current_db_schema = schema
        equal(bool(catalog) and bool(schema), True, "current names")

    check("server info", info)
    check("table types", table_types)
    check("get_objects at each depth", depths)
    check("get_objects with a filter", filtered)
    check("current catalog and schema", current)
    found = {}
    check("get_objects", lambda: found.update(listed(connection)))
    for view, columns in sorted(views.items()):

        def shown(view=view, columns=columns):
            names = [name for name, _ in columns]
            equal(found.get(view, [])[: len(names)], names, f"listed columns of {view}")

        def described(view=view, columns=columns):
            same_schema(connection.adbc_get_table_schema(view), columns, view)

        check(f"{view} is listed", shown)
        check(f"{view} is described", described)


def test_rows(connection, views):
    for view, columns in sorted(views.items()):

        def read(view=view, columns=columns):
            with connection.cursor() as cursor:
                cursor.execute(f"select * from {view}")
                table = cursor.fetch_arrow_table()
                same_schema(table.schema, columns, view)
                table.validate(full=True)
                described = connection.adbc_get_table_schema(view)
                equal(table.schema.names, described.names, f"columns of {view} as described")
                cursor.execute(f"select count(*) from {view}")
                equal(cursor.fetchone()[0], table.num_rows, f"rows of {view}")

        def qualified(view=view, columns=columns):
            name = columns[0][0]
            with connection.cursor() as cursor:
                cursor.execute(f'select "{name}" from activconnect."{view}" limit 1')
                equal(cursor.fetch_arrow_table().schema.names, [name], f"columns of {view}")

        check(f"select * from {view}", read)
        check(f"a column of {view} by qualified name", qualified)


def test_parameters(connection):
    def rows(sql, values):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def question_marks():
        sql = "select count(*) from events where user_id = ? and local_date >= ?"
        equal(len(rows(sql, (-1, "2000-01-01"))), 1, "rows")
        equal(rows("select '?' as a, cast(? as bigint) as b", (7,)), [("?", 7)], "row")

    def dollars():
        sql = "select cast($2 as bigint) as b, cast($1 as bigint) as a"
        equal(rows(sql, (1, 2)), [(2, 1)], "row")

    def more_than_nine():
        sql = "select " + ", ".join(f"cast(? as bigint) as p{n}" for n in range(12))
        equal(rows(sql, tuple(range(12))), [tuple(range(12))], "row")

    def text():
        sql = "select count(*) from users where display_name = ?"
        equal(rows(sql, ("nobody' or 'a' = 'a",)), [(0,)], "row")

    def null():
        equal(rows("select cast(? as bigint) as a", (None,)), [(None,)], "row")

    def again():
        with connection.cursor() as cursor:
            for value in (1, 2):
                cursor.execute("select cast(? as bigint) as a", (value,))
                equal(cursor.fetchall(), [(value,)], "row")

    check("? parameters", question_marks)
    check("$n parameters", dollars)
    check("more than nine parameters", more_than_nine)
    check("a text parameter is a value", text)
    check("a null parameter", null)
    check("one statement bound twice", again)


def test_streaming(connection):
    def large():
        rows = 1_000_000
        with connection.cursor() as cursor:
            cursor.execute(f"select value from generate_series(1, {rows}) as numbers(value)")
            reader = cursor.fetch_record_batch()
            batches = [batch.num_rows for batch in reader]
        equal(sum(batches), rows, "rows")
        equal(len(batches) > 1, True, "more than one batch")

    def closed_early():
        with connection.cursor() as cursor:
            cursor.execute("select value from generate_series(1, 1000000000) as numbers(value)")
            next(iter(cursor.fetch_record_batch()))
        with connection.cursor() as cursor:
            cursor.execute("select 1")
            equal(cursor.fetchall(), [(1,)], "row")

    check("a large result streams", large)
    check("a result may be left unread", closed_early)


def test_refusals(connection, views):
    view = sorted(views)[0]
    statements = [
        "create table t as select 1",
        "create view v as select 1",
        "create external table t stored as csv location 'nowhere.csv'",
        "create schema s",
        f"drop view {view}",
        f"drop table {view}",
        f"copy {view} to 'nowhere.csv'",
        "copy (select 1) to 'nowhere.parquet' stored as parquet",
        f"explain copy {view} to 'nowhere.csv' stored as csv",
        f"insert into {view} select * from {view}",
        f"delete from {view}",
        f"update {view} set account_id = 1",
        "set datafusion.execution.batch_size = 1",
        "set datafusion.runtime.memory_limit = '1G'",
        "reset datafusion.execution.batch_size",
        "begin",
        "prepare p as select 1",
        "select 1; select 2",
        "select * from 'nowhere.csv'",
        "select no_such_column from users",
        "select",
    ]
    for sql in statements:

        def test(sql=sql):
            with connection.cursor() as cursor:
                refused(cursor, sql)

        check(f"refused: {sql}", test)

    def still_reads():
        with connection.cursor() as cursor:
            cursor.execute("select 1")
            equal(cursor.fetchall(), [(1,)], "row")

    check("the connection reads on after refusals", still_reads)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    uri, user, password, path = sys.argv[1:]
    views = contract(path)
    credentials = {"username": user, "password": password}

    check("a wrong password", lambda: unauthenticated(uri, user, password + "x"))
    check("an empty password", lambda: unauthenticated(uri, user, ""))
    check("an unknown user", lambda: unauthenticated(uri, "nobody." + user, password))
    try:
        connection = flightsql.connect(uri, db_kwargs=credentials)
    except Exception as error:
        print(f"FAIL connect: {type(error).__name__}: {error}")
        print(f"{passed} passed, {failed + 1} failed")
        sys.exit(1)
    with connection:
        test_metadata(connection, views)
        test_rows(connection, views)
        test_parameters(connection)
        test_streaming(connection)
        test_refusals(connection, views)

        def second():
            with flightsql.connect(uri, db_kwargs=credentials) as other:
                with other.cursor() as cursor, connection.cursor() as mine:
                    cursor.execute("select 1")
                    mine.execute("select 2")
                    equal((cursor.fetchall(), mine.fetchall()), ([(1,)], [(2,)]), "rows")
            with connection.cursor() as mine:
                mine.execute("select 3")
                equal(mine.fetchall(), [(3,)], "row")

        check("two connections", second)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
