#!/usr/bin/env bash
# What `make run` does once all is built: bring the sample project up to date for its first week, and show it.
#
#   infra/run-sample.sh [BUILD FOLDER]
#
# A second time everything is fresh. The private Postgres stays up for the next command until
# `strata db stop`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/release}

"$build/strata" run --start 2013-01-01 --end 2013-01-07
cat <<END

The week's delay league of carriers is ads/ads_delay_league/*.parquet. Read it with anything, or go on with:
  $build/strata sql 'SELECT * FROM ads.ads_worst_routes LIMIT 5'
  $build/strata runs
  $build/strata lineage ads_delay_league

END
"$build/strata" sql 'SELECT * FROM ads.ads_delay_league LIMIT 5'
