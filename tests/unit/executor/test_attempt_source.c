/* One try that reads RAW: what of a source is read, with which types, and what is told of it. */
#include "lake.h"

#include "executor/source.h"

static const struct try_source csv = {.view = "tmp_ods_x", .path = "/raw/x", .date = "2013-01-03", .format = "csv", .missing = "empty",
                                      .header = TRI_UNSET, .all_varchar = TRI_UNSET};

static struct try_result run_source(struct lake *l, const struct try_source *s, const char *sql)
{
	struct try_request rq = lake_request(l, "ods.ods_x", s->date, sql);
	rq.source = s;
	return lake_run(l, &rq);
}

static bool log_has(struct lake *l, const char *part)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err err = {0};
	bool has = file_read(AT_FDCWD, arena_printf(&l->arena, "%s/log", l->path), &text, &err) == 0 && strstr(buf_cstr(&text), part);
	buf_free(&text);
	return has;
}

static void a_source_is_read_with_its_types(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-03/a.csv", "id,name\n1,x\n2,\n");
	lake_write("raw/x/dt=2013-01-03/b.csv", "name,id\ny,3.5\n");
	lake_write("raw/x/dt=2013-01-03/empty.csv", "");
	lake_write("raw/x/dt=2013-01-03/notes.txt", "no");
	struct try_result r = run_source(l, &csv, "SELECT * FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.row_count, 3);
	assert_string_equal(r.manifest.schema[0].type, "DOUBLE");
	assert_int_equal(r.manifest.ninputs, 3);
	assert_string_equal(r.manifest.inputs[0].table, "source:raw/x/dt=2013-01-03/a.csv");

	const struct column columns[] = {{"id", "VARCHAR"}, {"name", NULL}};
	struct try_source typed = csv;
	typed.date = "2013-01-04";
	typed.columns = columns;
	typed.ncolumns = 2;
	typed.nullstr = "NA";
	lake_write("raw/x/dt=2013-01-04/a.csv", "id,name\n007,NA\n");
	r = run_source(l, &typed, "SELECT id, name FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('ods/ods_x/dt=2013-01-04/*.parquet') WHERE id = '007' AND name IS NULL"), 1);
}

static void a_csv_may_be_written_in_many_ways(void **state)
{
	struct lake *l = *state;
	static const char *const same[] = {
		"a,b\n1,\"x,y\"\n2,O'Hare\n", "a;b\r\n1;x,y\r\n2;O'Hare\r\n", "a\tb\n1\t'x,y'\n2\tO'Hare\n", "a|b\n1|x,y\n2|O'Hare",
		"\"a\",\"b\"\n1,\"x,y\"\n2,\"O'Hare\"\n",
	};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		lake_write("raw/x/dt=2013-01-03/a.csv", same[i]);
		struct try_result r = run_source(l, &csv, "SELECT a, b FROM tmp_ods_x");
		if (r.outcome != OUTCOME_SUCCESS)
			fail_msg("%zu: %s", i, r.error.message);
		assert_string_equal(r.manifest.schema[0].type, "BIGINT");
		assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('ods/ods_x/*/*.parquet') WHERE (a, b) IN ((1, 'x,y'), (2, 'O''Hare'))"), 2);
	}
}

static void no_line_of_a_csv_is_passed_over(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-03/a.csv", "a,b\n1,x\n#2,y\n3,z\n");
	assert_int_equal(run_source(l, &csv, "SELECT a, b FROM tmp_ods_x").manifest.row_count, 3);
	static const char *const ragged[] = {
		"a,b\n1,x\n2,y\n3,z, w\n", "a,b\n1\n2,y,z\n", "Report of May\n\na,b\n1,x\n", "a;b\n1;x\ntotal\n",
	};
	for (size_t i = 0; i < sizeof ragged / sizeof *ragged; i++) {
		lake_write("raw/x/dt=2013-01-03/a.csv", ragged[i]);
		struct try_result r = run_source(l, &csv, "SELECT * FROM tmp_ods_x");
		if (i == 2) { /* one column by its header, and no row is lost */
			assert_int_equal(r.manifest.row_count, 3);
			continue;
		}
		assert_int_equal(r.outcome, OUTCOME_ERROR);
		assert_non_null(strstr(r.error.message, "raw/x/dt=2013-01-03/a.csv"));
	}
	struct try_source told = csv;
	told.delim = ",";
	lake_write("raw/x/dt=2013-01-03/a.csv", ragged[0]);
	assert_int_equal(run_source(l, &told, "SELECT * FROM tmp_ods_x").outcome, OUTCOME_ERROR);
	lake_write("raw/x/dt=2013-01-03/b.csv", "a,b\n1,x\n");
	assert_int_equal(run_source(l, &csv, "SELECT * FROM tmp_ods_x").outcome, OUTCOME_ERROR);
}

static void a_link_to_nothing_is_no_empty_date(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-03/a.csv", "id\n1\n");
	assert_int_equal(run_source(l, &csv, "SELECT * FROM tmp_ods_x").outcome, OUTCOME_SUCCESS);
	assert_int_equal(remove("raw/x/dt=2013-01-03/a.csv") | symlink("/nonexistent/a.csv", "raw/x/dt=2013-01-03/a.csv"), 0);
	assert_int_equal(run_source(l, &csv, "SELECT * FROM tmp_ods_x").outcome, OUTCOME_ERROR);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('ods/ods_x/*/*.parquet')"), 1);
}

static void columns_in_another_order_than_the_header_are_refused(void **state)
{
	struct lake *l = *state;
	const struct column columns[] = {{"x", "VARCHAR"}, {"y", "VARCHAR"}};
	struct try_source s = csv;
	s.columns = columns;
	s.ncolumns = 2;
	lake_write("raw/x/dt=2013-01-03/a.csv", "y,x\n1,2\n");
	struct try_result r = run_source(l, &s, "SELECT * FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_ERROR);
	assert_non_null(strstr(r.error.message, "'x' is column 1 of options.columns, but column 2 in the header of 'raw/x/dt=2013-01-03/a.csv'"));
	static const char *const good[] = {"X,Y\n1,2\n", "x,b\n1,2\n", "\"the x\";the y\r\n1;2\r\n"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		lake_write("raw/x/dt=2013-01-03/a.csv", good[i]);
		assert_int_equal(run_source(l, &s, "SELECT * FROM tmp_ods_x").outcome, OUTCOME_SUCCESS);
		assert_int_equal(lake_number(l, "SELECT x::INTEGER * 10 + y::INTEGER FROM read_parquet('ods/ods_x/*/*.parquet')"), 12);
	}
}

static void a_pivot_finds_its_columns_itself(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-03/a.csv", "k,kind,v\n1,a,2\n1,b,3\n2,a,4\n");
	struct try_result r = run_source(l, &csv, "PIVOT tmp_ods_x ON kind USING sum(v) GROUP BY k");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.row_count, 2);
	assert_int_equal(lake_number(l, "SELECT sum(a + b)::BIGINT FROM read_parquet('ods/ods_x/*/*.parquet')"), 5);
}

static void a_source_has_other_formats(void **state)
{
	struct lake *l = *state;
	lake_write("raw/j/dt=2013-01-03/a.json", "{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2}\n");
	struct try_source s = csv;
	s.path = "raw/j";
	s.format = "json";
	assert_int_equal(run_source(l, &s, "SELECT * FROM tmp_ods_x").manifest.row_count, 2);
	lake_write("raw/one.csv", "a;b\n1;2\n");
	s = csv;
	s.path = "raw/one.csv";
	s.date = "";
	s.delim = ";";
	struct try_request rq = lake_request(l, "ods.ods_y", "", "SELECT a + b AS c FROM tmp_ods_x");
	rq.source = &s;
	assert_int_equal(lake_run(l, &rq).outcome, OUTCOME_SUCCESS);
	assert_int_equal(lake_number(l, "SELECT c FROM read_parquet('ods/ods_y/*.parquet')"), 3);
}

static void an_absent_date_is_empty_with_the_newest_header(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-01/a.csv", "old\n1\n");
	lake_write("raw/x/dt=2013-01-02/a.csv", "id,name\n1,x\n");
	struct try_result r = run_source(l, &csv, "SELECT id, name FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_true(r.empty);
	assert_null(r.note);
	assert_string_equal(r.manifest.schema[0].type, "BIGINT");
}

/* One line with what matters; all that DuckDB said is in the try's log. */
static void errors_of_csv_files_are_short(void **state)
{
	struct lake *l = *state;
	static const struct column columns[] = {{"a", "BIGINT"}, {"b", "BIGINT"}};
	static const char file[] = "raw/x/dt=2013-01-03/a.csv";
	struct try_source typed = csv;
	typed.columns = columns, typed.ncolumns = 2;
	const struct {
		const char *text, *message;
		bool typed;
	} cases[] = {
		{"a,b\n1,2\nx,3\n", "Conversion Error: raw/x/dt=2013-01-03/a.csv, line 3: Error when converting column \"a\". Could not convert string "
		                    "\"x\" to 'BIGINT'; if the line is right, give the column another type in the source's options.columns", true},
		{"a,b\n1,\xff\xfe\n", "raw/x/dt=2013-01-03/a.csv, line 2: Invalid unicode (byte sequence mismatch) detected. This file is not utf-8 "
		                      "encoded; set the source's options.encoding", false},
		{"a,b,c\n1,2,3\n", "raw/x/dt=2013-01-03/a.csv: its lines have 3 fields, which are not as many as options.columns says", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		lake_write(file, cases[i].text);
		struct try_result r = run_source(l, cases[i].typed ? &typed : &csv, "SELECT * FROM tmp_ods_x");
		assert_int_equal(r.outcome, OUTCOME_ERROR);
		if (!strstr(r.error.message, cases[i].message) || strchr(r.error.message, '\n') || strlen(r.error.message) > 300)
			fail_msg("%s", r.error.message);
	}
	assert_true(log_has(l, "engine.error CSV Error on Line: 3\nOriginal Line: x,3\n"));
	assert_true(log_has(l, "sample_size = "));
}

static void a_corrupt_newest_file_does_not_take_the_header_away(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-01/a.csv", "id,name\n1,x\n");
	lake_write("raw/x/dt=2013-01-01/b.csv.gz", "no gzip");
	lake_write("raw/x/dt=2013-01-02/a.csv.gz", "no gzip");
	struct try_result r = run_source(l, &csv, "SELECT id, name FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_null(r.note);
	assert_string_equal(r.manifest.schema[0].type, "BIGINT");
	assert_true(log_has(l, "source.unreadable raw/x/dt=2013-01-02/a.csv.gz gives no columns: "));
}

static void files_of_other_names_are_told(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-02/B.CSV", "id\n1\n");
	lake_write("raw/x/dt=2013-01-03/a.tsv", "id\n1\n");
	lake_write("raw/x/dt=2013-01-03/a.CSV.GZ", "id\n1\n");
	lake_write("raw/x/dt=2013-01-03/_SUCCESS", "");
	struct try_result r = run_source(l, &csv, "SELECT id FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_true(r.empty);
	assert_string_equal(r.note, "2 files in raw/x/dt=2013-01-03 match no *.csv: a.CSV.GZ, a.tsv");
	assert_true(log_has(l, "source.others 2 files in raw/x/dt=2013-01-03 match no *.csv"));
	struct try_source s = csv;
	s.date = "2013-01-02";
	r = run_source(l, &s, "SELECT id FROM tmp_ods_x");
	assert_int_equal(r.manifest.row_count, 1);
	assert_null(r.note);
}

static void without_any_header_nothing_runs(void **state)
{
	struct lake *l = *state;
	assert_int_equal(mkdir("raw", 0777) | mkdir("raw/x", 0777), 0);
	struct try_result r = run_source(l, &csv, "SELECT no_such FROM tmp_ods_x");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_true(r.empty);
	assert_string_equal(r.note, "no input: tmp_ods_x");
}

static void an_absent_source_path_changes_nothing(void **state)
{
	struct lake *l = *state;
	lake_write("raw/x/dt=2013-01-03/a.csv", "id\n1\n");
	assert_int_equal(run_source(l, &csv, "SELECT * FROM tmp_ods_x").outcome, OUTCOME_SUCCESS);
	assert_int_equal(rename("raw", "raw_"), 0);
	struct try_result r = run_source(l, &csv, "SELECT * FROM tmp_ods_x");
	assert_failed(&r, "permanent", "does not exist");
	assert_true(lake_has("ods/ods_x/dt=2013-01-03/_SUCCESS"));
	struct try_source strict = csv;
	strict.missing = "fail";
	assert_int_equal(mkdir("raw", 0777) | mkdir("raw/x", 0777), 0);
	r = run_source(l, &strict, "SELECT * FROM tmp_ods_x");
	assert_failed(&r, "permanent", "missing: fail");
}

/* The scheduler has seen that its source is there before it sends such a try. */
static void a_source_that_is_waited_for_must_be_there(void **state)
{
	struct lake *l = *state;
	struct try_source waits = csv;
	waits.missing = "wait";
	assert_int_equal(mkdir("raw", 0777) | mkdir("raw/x", 0777) | mkdir("raw/x/dt=2013-01-03", 0777), 0);
	struct try_result r = run_source(l, &waits, "SELECT 1 AS n FROM tmp_ods_x");
	assert_failed(&r, "transient", "no files for '2013-01-03' yet (missing: wait)");
	waits.wait_for = "_SUCCESS";
	r = run_source(l, &waits, "SELECT 1 AS n FROM tmp_ods_x");
	assert_failed(&r, "transient", "no files for '2013-01-03' yet (missing: wait)");
	lake_write("raw/x/dt=2013-01-03/_SUCCESS", "");
	r = run_source(l, &waits, "SELECT 1 AS n FROM tmp_ods_x"); /* it says that the date is whole, and so it is empty */
	assert_true(r.outcome == OUTCOME_SUCCESS && r.empty);
}

static void a_mark_lies_beside_the_files_of_a_source(void **state)
{
	struct arena arena = {0};
	(void)state;
	assert_int_equal(mkdir("raw", 0777) | mkdir("raw/x", 0777) | mkdir("raw/x/dt=2013-01-03", 0777), 0);
	assert_false(source_marked(&arena, "/raw/x", "2013-01-03", "_SUCCESS"));
	lake_write("raw/x/_SUCCESS", "");
	assert_false(source_marked(&arena, "raw/x", "2013-01-03", "_SUCCESS"));
	assert_true(source_marked(&arena, "raw/x", "", "_SUCCESS"));
	assert_true(source_marked(&arena, "raw/x/*.csv", "", "_SUCCESS"));
	lake_write("raw/x/a.csv", "id\n1\n");
	assert_true(source_marked(&arena, "raw/x/a.csv", "", "_SUCCESS"));
	lake_write("raw/x/dt=2013-01-03/_SUCCESS", "");
	assert_true(source_marked(&arena, "raw/x", "2013-01-03", "_SUCCESS"));
	assert_false(source_marked(&arena, "raw/y/*.csv", "", "_SUCCESS"));
	arena_free(&arena);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_source_is_read_with_its_types), T(a_csv_may_be_written_in_many_ways), T(no_line_of_a_csv_is_passed_over),
		T(a_link_to_nothing_is_no_empty_date), T(columns_in_another_order_than_the_header_are_refused),
		T(a_pivot_finds_its_columns_itself), T(a_source_has_other_formats),
		T(an_absent_date_is_empty_with_the_newest_header), T(errors_of_csv_files_are_short),
		T(a_corrupt_newest_file_does_not_take_the_header_away), T(files_of_other_names_are_told),
		T(without_any_header_nothing_runs), T(an_absent_source_path_changes_nothing),
		T(a_source_that_is_waited_for_must_be_there), T(a_mark_lies_beside_the_files_of_a_source),
	};
	return cmocka_run_group_tests_name("attempt_source", tests, NULL, NULL);
}
