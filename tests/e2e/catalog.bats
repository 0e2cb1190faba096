# The catalog for anyone's DuckDB, whatever the lake looks like.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<< "layer_dependencies: {dwd: []}"
}
teardown() {
	project_remove
}

@test "a table whose file somebody took away does not keep the catalog from the others" {
	project_file dags/dwd/dwd_one.sql <<< "SELECT 1 AS n"
	project_file dags/dwd/dwd_day.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day"
	run -0 strata run --date 2024-01-01
	rm dwd/dwd_one/*.parquet dwd/dwd_day/dt=2024-01-01/*.parquet
	project_file dags/dwd/dwd_two.sql <<< "SELECT 3 AS n"
	run -0 strata run dwd_two --date 2024-01-01
	run -0 strata catalog refresh
	run -0 strata run --date 2024-01-01
	run -0 strata sql "SELECT count(*) AS c FROM dwd.dwd_one"
}
