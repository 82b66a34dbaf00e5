package persistence

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed queries/*.sql
var queryFiles embed.FS

// queries are the statements of queries/*.sql by their name.
var queries = mustReadQueries()

// sql returns a statement by its name. An unknown name is a bug that every test
// of this room would meet.
func sql(name string) string {
	text, known := queries[name]
	if !known {
		panic(fmt.Sprintf("persistence: no query is called %s", name))
	}
	return text
}

// mustReadQueries splits the files at their "-- name: X" lines. Comments stay:
// the server's own views then show which query is which.
func mustReadQueries() map[string]string {
	files, err := queryFiles.ReadDir("queries")
	if err != nil {
		panic(err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := queryFiles.ReadFile("queries/" + file.Name())
		if err != nil {
			panic(err)
		}
		for _, part := range strings.Split(string(text), "-- name: ")[1:] {
			name, body, _ := strings.Cut(part, "\n")
			out[strings.TrimSpace(name)] = "-- " + strings.TrimSpace(name) + "\n" + strings.TrimSpace(body)
		}
	}
	return out
}
