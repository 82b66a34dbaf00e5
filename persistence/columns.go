package persistence

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// columns collects the rows of one statement as the arrays its unnest takes.
type columns struct{ cells []any }

// row adds a row. The first one fixes the types of the columns; a later one of
// other types is a bug of write.go, and panics in its first test.
func (c *columns) row(values ...any) {
	if c.cells == nil {
		c.cells = make([]any, len(values))
	}
	if len(values) != len(c.cells) {
		panic(fmt.Sprintf("persistence: a row of %d in a table of %d columns", len(values), len(c.cells)))
	}
	for i, v := range values {
		switch v := v.(type) {
		case string:
			c.cells[i] = appended(c.cells[i], v)
		case int:
			c.cells[i] = appended(c.cells[i], int32(v)) //nolint:gosec // counters, all far below
		case int32:
			c.cells[i] = appended(c.cells[i], v)
		case int64:
			c.cells[i] = appended(c.cells[i], v)
		case bool:
			c.cells[i] = appended(c.cells[i], v)
		case [16]byte:
			c.cells[i] = appended(c.cells[i], v)
		case []byte:
			c.cells[i] = appended(c.cells[i], v)
		case time.Time:
			c.cells[i] = appended(c.cells[i], v.Truncate(time.Microsecond))
		case *time.Time:
			c.cells[i] = appended(c.cells[i], v)
		default:
			panic(fmt.Sprintf("persistence: no column holds a %T", v))
		}
	}
}

func appended[T any](column any, v T) []T {
	if column == nil {
		return []T{v}
	}
	return append(column.([]T), v)
}

// queue adds the statement, unless there are no rows for it.
func (c *columns) queue(batch *pgx.Batch, name string) {
	if c.cells != nil {
		batch.Queue(sql(name), c.cells...)
	}
}
