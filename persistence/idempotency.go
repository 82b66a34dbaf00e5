package persistence

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// keyName is the caller's name for an intention.
type keyName struct{ principal, operation, key string }

// keyRow is what is stored under it.
type keyRow struct {
	hash        []byte
	transaction engine.ID
}

func nameOf(k engine.IdempotencyKey) keyName { return keyName{k.Principal, k.Operation, k.Key} }

func splitKeys(keys []engine.IdempotencyKey) (principals, operations, names []string) {
	for _, k := range keys {
		principals, operations, names = append(principals, k.Principal), append(operations, k.Operation), append(names, k.Key)
	}
	return principals, operations, names
}

func (l *loaded) addKey(row pgx.CollectableRow) error {
	var name keyName
	var stored keyRow
	var id [16]byte
	err := row.Scan(&name.principal, &name.operation, &name.key, &stored.hash, &id)
	stored.transaction = id
	l.keys[name] = stored
	return err
}

// errReused is the answer to a key that comes again with another body.
func errReused() error {
	return engine.Errorf(engine.Invalid, engine.CodeIdempotencyKeyReused, "this key was used for another request")
}

// Remember keeps the bytes a money POST was answered with, if they are the key's
// first, and returns the first: whoever replays gets the very same. The key was
// stored in the commit of its effect; an unknown one is NotFound.
func (s *Store) Remember(ctx context.Context, key engine.IdempotencyKey, status int, body []byte) (int, []byte, error) {
	hashes := s.vault.Indexes(requestIndex, key.Hash[:])
	if _, err := s.pool.Exec(ctx, sql("Remember"), key.Principal, key.Operation, key.Key, hashes, status, body); err != nil {
		return 0, nil, translate(err)
	}
	first, answer, found, err := s.Recall(ctx, key)
	if err == nil && !found {
		return 0, nil, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "nothing was done under this key")
	}
	return first, answer, err
}

// Recall returns the answer remembered for the key, and false when there is none
// yet. The same key with another hash is CodeIdempotencyKeyReused.
func (s *Store) Recall(ctx context.Context, key engine.IdempotencyKey) (status int, body []byte, found bool, err error) {
	var hash []byte
	var answered *int
	err = s.pool.QueryRow(ctx, sql("Recall"), key.Principal, key.Operation, key.Key).Scan(&hash, &answered, &body)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, nil, false, nil
	case err != nil:
		return 0, nil, false, translate(err)
	case !s.vault.Matches(requestIndex, key.Hash[:], hash):
		return 0, nil, false, errReused()
	case answered == nil:
		return 0, nil, false, nil
	}
	return *answered, body, true, nil
}
