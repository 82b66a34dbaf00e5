package runbooks_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var migrated = pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
	return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
}}

var query = regexp.MustCompile("(?s)```sql\n(.*?)```")

// In an outage nobody should find out that a column has another name now.
func TestEveryQueryOfARunbookReadsTheSchema(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, migrated)
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, block := range query.FindAllStringSubmatch(string(text), -1) {
			found++
			err := pgx.BeginTxFunc(t.Context(), pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), block[1])
				return err
			})
			require.NoError(t, err, "%s:\n%s", page, block[1])
		}
	}
	require.GreaterOrEqual(t, found, 5, "the pages hold queries, and this test must find them")
}
