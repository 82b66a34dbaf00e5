package pgtest

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// Digits matches a run of digits however it is written: with spaces, dots, dashes or
// brackets between them, which no-break spaces are too.
func Digits(run string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(strings.Split(run, ""), `[\s.\-()\x{a0}\x{202f}]{0,2}`))
}

// Holding names every column of every table of a database, views and partitions
// included, in which something that matches stands: in its text, and in what bytes
// spell. looked is in how many columns it looked.
func Holding(t testing.TB, pool *pgxpool.Pool, what ...*regexp.Regexp) (found []string, looked int) {
	t.Helper()
	type column struct{ Table, Name string }
	rows, err := pool.Query(t.Context(), `SELECT table_schema || '.' || quote_ident(table_name), quote_ident(column_name)
		FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`)
	require.NoError(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	require.NoError(t, err)
	for _, c := range columns {
		rows, err := pool.Query(t.Context(), fmt.Sprintf("SELECT DISTINCT %s::text FROM %s WHERE %s IS NOT NULL", c.Name, c.Table, c.Name))
		require.NoError(t, err)
		cells, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		for _, w := range what {
			for _, cell := range cells {
				if w.MatchString(spelled(cell)) {
					found = append(found, c.Table+"."+c.Name)
					break
				}
			}
		}
	}
	return found, len(columns)
}

// spelled is what bytes say; other columns are text as they are.
func spelled(cell string) string {
	if digits, is := strings.CutPrefix(cell, `\x`); is {
		if raw, err := hex.DecodeString(digits); err == nil {
			return string(raw)
		}
	}
	return cell
}
