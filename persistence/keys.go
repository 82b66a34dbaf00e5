package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// keysMax bounds what every node holds of keys: a platform's machines and our staff,
// a hundred times over; at 300 bytes each 3 MiB.
const keysMax = 10_000

// platform is whose every key is that is not staff's: an engine serves one
// (docs/adr/0023).
const platform = "platform"

// AddKey keeps a key that was just made, and who made it. Staff that work for us no
// longer get none.
func (s *Store) AddKey(ctx context.Context, k engine.APIKey, by engine.Act) error {
	scopes := make([]string, 0, len(k.Principal.Scopes))
	for _, scope := range k.Principal.Scopes {
		scopes = append(scopes, string(scope))
	}
	staff := ""
	if k.Principal.Role != engine.RolePlatform {
		staff = k.Principal.Subject
	}
	a := act{Act: by, subject: k.ID, after: brief(map[string]any{"label": k.Label, "staff": staff, "scopes": scopes})}
	_, err := s.acted(ctx, a, nil, "AddKey", k.ID, staff, k.Pepper, k.Label, scopes, k.Hash, nullableTime(k.ExpiresAt))
	return err
}

func nullableTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// RevokeKey ends a key at once: every node knows within seconds. NotFound when no such
// key works.
func (s *Store) RevokeKey(ctx context.Context, id string, by engine.Act) error {
	_, err := s.acted(ctx, act{Act: by, subject: id}, keyUnknown(), "RevokeKey", id)
	return err
}

// EndKey lets a key work for so long yet: the old one of a rotation.
func (s *Store) EndKey(ctx context.Context, id string, after time.Duration, by engine.Act) error {
	_, err := s.acted(ctx, act{Act: by, subject: id}, keyUnknown(), "EndKey", id, after)
	return err
}

func keyUnknown() *engine.Error {
	return engine.Errorf(engine.NotFound, engine.CodeKeyUnknown, "no such key works")
}

// KeysInUse tells every key that works now, with the role its holder has now.
func (s *Store) KeysInUse(ctx context.Context) ([]engine.APIKey, error) {
	keys, err := s.keys(ctx, "KeysInUse", keysMax+1)
	if err == nil && len(keys) > keysMax {
		s.log.Error("more keys than are held: the others do not work", "most", keysMax)
		keys = keys[:keysMax]
	}
	return keys, err
}

// Keys lists keys, the latest first, revoked ones too.
func (s *Store) Keys(ctx context.Context, most int) ([]engine.APIKey, error) {
	return s.keys(ctx, "ListKeys", most)
}

func (s *Store) keys(ctx context.Context, query string, most int) ([]engine.APIKey, error) {
	rows, err := s.pool.Query(ctx, sql(query), most)
	if err != nil {
		return nil, translate(err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.APIKey, error) {
		var k engine.APIKey
		var scopes []string
		var expires, revoked, used *time.Time
		p := &k.Principal
		err := row.Scan(&k.ID, &p.Subject, &p.Role, &k.Pepper, &k.Label, &scopes, &k.Hash, &k.CreatedAt, &expires, &revoked, &used)
		p.KeyID = k.ID
		if p.Role == engine.RolePlatform {
			p.Platform = platform
		}
		for _, scope := range scopes {
			p.Scopes = append(p.Scopes, engine.Scope(scope))
		}
		k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = k.CreatedAt.UTC(), stored(expires), stored(revoked), stored(used)
		return k, err
	})
	return keys, translate(err)
}

// KeysUsed notes when keys were last used.
func (s *Store) KeysUsed(ctx context.Context, used map[string]time.Time) error {
	ids, times := make([]string, 0, len(used)), make([]time.Time, 0, len(used))
	for id, at := range used {
		ids, times = append(ids, id), append(times, at)
	}
	_, err := s.pool.Exec(ctx, sql("KeysUsed"), ids, times)
	return translate(err)
}
