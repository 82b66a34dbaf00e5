package http

import (
	"slices"
)

// RouterRoutes lists what is really reachable, with who may, from the table.
func RouterRoutes(s *Server) []string {
	var out []string
	for method, paths := range s.router.List() {
		for _, path := range paths {
			who := "NOT IN THE TABLE"
			for _, r := range s.routes {
				if r.method == method && r.path == path {
					who = r.who.String()
				}
			}
			out = append(out, method+" "+path+" "+who)
		}
	}
	slices.Sort(out)
	return out
}
