package persistence

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"
)

// Resealing puts what is sealed under older keys under the newest, so that the older
// ones can be taken away. Triggers let a phone be sealed anew and nothing beside it.
// Webhooks' bodies are evidence: they stay as they are, and keep their key until they are
// forgotten (docs/adr/0024).

const (
	// endsLooked is how many rows at each end of a table doctor looks at: 9,000 in all are
	// read by their keys in some tens of milliseconds.
	endsLooked = 1_000
	// ResealRows is a batch: its rows are locked for as long as writing them takes, some
	// 20 ms, and 500 take 150 kB.
	ResealRows = 500
)

// SealedUnder is how many rows of a table are sealed under a data key.
type SealedUnder struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	Rows  int64  `json:"rows"`
	Known bool   `json:"known"` // it is among our keys
}

// SealedUnder looks at both ends of each table, and says under which keys they are
// sealed.
func (s *Store) SealedUnder(ctx context.Context) ([]SealedUnder, error) {
	return s.sealedUnder(ctx, s.pool, "SealedUnder", endsLooked)
}

// KeptUnder counts all that is never sealed anew. It reads whole tables.
func (s *Store) KeptUnder(ctx context.Context) (kept []SealedUnder, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sql("TakeTime")); err != nil {
			return err
		}
		kept, err = s.sealedUnder(ctx, tx, "KeptUnder")
		return err
	})
	return kept, translate(err)
}

type asker interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) sealedUnder(ctx context.Context, on asker, name string, args ...any) ([]SealedUnder, error) {
	rows, err := on.Query(ctx, sql(name), args...)
	if err != nil {
		return nil, translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u SealedUnder, err error) {
		err = row.Scan(&u.Table, &u.Key, &u.Rows)
		u.Known = s.vault.Has(u.Key)
		return u, err
	})
	return found, translate(err)
}

// Resealed is what came of a walk through a table, so far.
type Resealed struct {
	Table      string `json:"table"`
	Looked     int64  `json:"looked_at"`
	Old        int64  `json:"under_older_keys"` // sealed, or indexed
	Sealed     int64  `json:"sealed_anew"`
	Left       int64  `json:"left"`       // somebody had them, or they ask on their phone: the next run's
	Unreadable int64  `json:"unreadable"` // their key is missing, or they were meddled with
}

// resealable is a row: named by its id, or by a talent, and perhaps a number.
type resealable struct {
	id            [16]byte
	talent        string
	no            int
	sealed, index []byte
}

// sealedTable is how a table is walked: what a row is read into, where it is sealed, and
// what names rows in its statements.
type sealedTable struct {
	name, read, write string
	scan              func(*resealable) []any
	place             func(resealable) []byte
	after             func(resealable) []any // what comes before and after the limit
	names             func([]resealable) []any
	indexed           bool
}

var sealedTables = []sealedTable{
	{
		name: "transactions", read: "SealedPayers", write: "ResealPayers", indexed: true,
		scan:  func(r *resealable) []any { return []any{&r.id, &r.sealed, &r.index} },
		place: func(r resealable) []byte { return payerPlace(r.id) },
		after: func(r resealable) []any { return []any{r.id, ResealRows} },
		names: func(rows []resealable) []any { return []any{each16(rows)} },
	},
	{
		name: "payout_tries", read: "SealedTries", write: "ResealTries",
		scan:  func(r *resealable) []any { return []any{&r.id, &r.no, &r.sealed} },
		place: func(r resealable) []byte { return tryPlace(r.id, r.no) },
		after: func(r resealable) []any { return []any{r.id, ResealRows, r.no} },
		names: func(rows []resealable) []any { return []any{each16(rows), eachNo(rows)} },
	},
	{
		name: "wallets", read: "SealedWallets", write: "ResealWallets",
		scan:  func(r *resealable) []any { return []any{&r.talent, &r.no, &r.sealed} },
		place: func(r resealable) []byte { return walletPlace(r.talent, r.no) },
		after: func(r resealable) []any { return []any{r.talent, ResealRows, r.no} },
		names: func(rows []resealable) []any {
			return []any{listOf(rows, func(r resealable) string { return r.talent }), eachNo(rows)}
		},
	},
	{
		name: "proposals", read: "SealedProposals", write: "ResealProposals",
		scan:  func(r *resealable) []any { return []any{&r.id, &r.sealed} },
		place: func(r resealable) []byte { return proposalPlace(r.id) },
		after: func(r resealable) []any { return []any{r.id, ResealRows} },
		names: func(rows []resealable) []any { return []any{each16(rows)} },
	},
}

func listOf[T any](rows []resealable, of func(resealable) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = of(r)
	}
	return out
}

func each16(rows []resealable) [][16]byte {
	return listOf(rows, func(r resealable) [16]byte { return r.id })
}

func eachNo(rows []resealable) []int { return listOf(rows, func(r resealable) int { return r.no }) }

func sealedOf(r resealable) []byte { return r.sealed }

// Reseal walks all that is sealed and may be written again, and seals under the newest
// keys what is not. It may be stopped between any two batches and begun again: what is
// done is only read then. A dry one writes nothing. each is told how far it is after
// every batch.
func (s *Store) Reseal(ctx context.Context, dry bool, each func(Resealed)) ([]Resealed, error) {
	var out []Resealed
	for _, table := range sealedTables {
		r, err := s.resealTable(ctx, table, dry, each)
		if out = append(out, r); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *Store) resealTable(ctx context.Context, table sealedTable, dry bool, each func(Resealed)) (Resealed, error) {
	r := Resealed{Table: table.name}
	var last resealable
	for {
		rows, err := s.sealedRows(ctx, table, last)
		if err != nil || len(rows) == 0 {
			return r, translate(err)
		}
		last = rows[len(rows)-1]
		r.Looked += int64(len(rows))
		was, anew := s.sealAnew(table, rows, &r)
		r.Old += int64(len(was))
		if len(was) > 0 && !dry {
			args := append(table.names(was), listOf(was, sealedOf), listOf(anew, sealedOf))
			if table.indexed {
				args = append(args, listOf(anew, func(r resealable) []byte { return r.index }))
			}
			done, err := s.pool.Exec(ctx, sql(table.write), args...)
			if err != nil {
				return r, translate(err)
			}
			r.Sealed += done.RowsAffected()
			r.Left += int64(len(was)) - done.RowsAffected()
		}
		each(r)
	}
}

func (s *Store) sealedRows(ctx context.Context, table sealedTable, last resealable) ([]resealable, error) {
	rows, err := s.pool.Query(ctx, sql(table.read), table.after(last)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r resealable, err error) {
		err = row.Scan(table.scan(&r)...)
		return r, err
	})
}

// sealAnew chooses those that are not under the newest keys, and seals them.
func (s *Store) sealAnew(table sealedTable, rows []resealable, r *Resealed) (was, anew []resealable) {
	for _, row := range rows {
		number, err := openPhone(s.vault, table.place(row), row.sealed)
		if err != nil {
			r.Unreadable++
			continue
		}
		if number.IsZero() {
			continue
		}
		index := indexOf(s.vault, number)
		if s.vault.Newest(row.sealed) && (!table.indexed || bytes.Equal(row.index, index)) {
			continue
		}
		was = append(was, row)
		anew = append(anew, resealable{sealed: sealPhone(s.vault, table.place(row), number), index: index})
	}
	return was, anew
}
