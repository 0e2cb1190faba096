/* See sample.h. A shop: orders arrive a file a day, customers are one file. Each table shows one thing:
 * RAW as it is, typing, a join, a day's figures, and figures over all days. */
#include "cli/sample.h"

#include <stddef.h>

const struct sample_file sample_files[] = {
	{"raw/orders/dt=2024-01-01/orders.csv",
	 "order_id,customer_id,amount,ordered_at\n"
	 "1001,7,25.00,2024-01-01 09:12:00\n"
	 "1002,8,NA,2024-01-01 11:40:00\n"
	 "1003,7,99.50,2024-01-01 20:05:00\n"},
	{"raw/orders/dt=2024-01-02/orders.csv",
	 "order_id,customer_id,amount,ordered_at\n"
	 "1004,9,12.25,2024-01-02 08:00:00\n"
	 "1005,8,48.00,2024-01-02 13:30:00\n"},
	{"raw/orders/dt=2024-01-03/orders.csv",
	 "order_id,customer_id,amount,ordered_at\n"
	 "1006,9,5.75,2024-01-03 07:45:00\n"
	 "1007,7,60.00,2024-01-03 18:20:00\n"
	 "1008,8,31.10,2024-01-03 22:59:00\n"},
	{"raw/customers/customers.csv",
	 "customer_id,name,country\n"
	 "7,Ada,GB\n"
	 "8,Grace,US\n"
	 "9,Edsger,NL\n"},
	{"dags/ods/ods_orders.sql",
	 "-- RAW as it is: one partition a day, because ${PARTITION_DATE} is used.\n"
	 "SELECT order_id, customer_id, amount, ordered_at, '${PARTITION_DATE}' AS dt\n"
	 "FROM tmp_ods_orders\n"},
	{"dags/ods/ods_customers.sql",
	 "-- No date in it: one partition, made anew when its file changes.\n"
	 "SELECT customer_id, name, country\n"
	 "FROM tmp_ods_customers\n"},
	{"dags/dwd/dwd_orders.sql",
	 "-- Typed and joined. \"dt = the day\" is also what strata makes of it: it reads this one partition.\n"
	 "SELECT\n"
	 "    CAST(o.order_id AS BIGINT) AS order_id,\n"
	 "    CAST(o.ordered_at AS TIMESTAMP) AS ordered_at,\n"
	 "    CAST(o.amount AS DECIMAL(12, 2)) AS amount,\n"
	 "    c.name AS customer,\n"
	 "    c.country\n"
	 "FROM ods.ods_orders AS o\n"
	 "LEFT JOIN ods.ods_customers AS c USING (customer_id)\n"
	 "WHERE o.dt = '${PARTITION_DATE}'\n"},
	{"dags/ads/ads_daily_sales.sql",
	 "-- A day's figures.\n"
	 "SELECT country, count(*) AS orders, sum(amount) AS amount\n"
	 "FROM dwd.dwd_orders\n"
	 "WHERE dt = '${PARTITION_DATE}'\n"
	 "GROUP BY country\n"
	 "ORDER BY country\n"},
	{"dags/ads/ads_best_customers.sql",
	 "-- Over all days: reads every published partition and runs once a run.\n"
	 "SELECT customer, count(*) AS orders, sum(amount) AS amount\n"
	 "FROM dwd.dwd_orders\n"
	 "GROUP BY customer\n"
	 "ORDER BY amount DESC NULLS LAST\n"},
	{"tables.yaml",
	 "project:\n"
	 "  name: shop\n"
	 "\n"
	 "tables:\n"
	 "  dwd_orders:\n"
	 "    description: orders, typed, with their customer\n"
	 "    primary_keys: [order_id]\n"
	 "    timestamp_col: ordered_at\n"
	 "    tags: [daily]\n"
	 "  ads_daily_sales:\n"
	 "    description: sales a day and country\n"
	 "    primary_keys: [country]\n"
	 "    tags: [daily]\n"},
	{"dags/dw_config.yaml",
	 "# Which layer may read which, and where RAW files are.\n"
	 "layer_dependencies:\n"
	 "  ods: []\n"
	 "  dwd: [ods]\n"
	 "  ads: [dwd]\n"
	 "\n"
	 "sources:\n"
	 "  ods_orders:\n"
	 "    path: raw/orders\n"
	 "    options:\n"
	 "      all_varchar: true\n"
	 "      nullstr: NA\n"
	 "  ods_customers:\n"
	 "    path: raw/customers\n"
	 "    partitioned: false\n"},
	{NULL, NULL},
};
