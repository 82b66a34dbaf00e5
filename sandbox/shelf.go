package sandbox

// Row is a thing in a gateway's books. Keys are the names it can be found by;
// the first never changes.
type Row interface{ Keys() []string }

// Shelf holds rows of one kind, oldest first. What Find returns is the row
// itself: the lock of its owner covers reading it too. The zero Shelf is empty.
type Shelf[R Row] struct {
	Rows []R
	at   map[string]int
}

// Find returns the row with that key.
func (s *Shelf[R]) Find(key string) (R, bool) {
	i, found := s.at[key]
	if !found {
		var none R
		return none, false
	}
	return s.Rows[i], true
}

// Put adds a row or replaces the one with the same first key, and learns the
// keys it has got since.
func (s *Shelf[R]) Put(row R) {
	if s.at == nil {
		s.at = map[string]int{}
	}
	keys := row.Keys()
	i, found := s.at[keys[0]]
	if !found {
		i = len(s.Rows)
		s.Rows = append(s.Rows, row)
	}
	s.Rows[i] = row
	for _, key := range keys {
		s.at[key] = i
	}
}
