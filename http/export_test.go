package http

import (
	"net"
	"net/netip"
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

// ConnectionsPerAddress is how many connections one address has.
const ConnectionsPerAddress = connectionsPerAddress

// CountConnections is what stands in front of the public listener.
func CountConnections(on net.Listener, trusted []netip.Prefix) net.Listener {
	return newDoors(on, trusted)
}

// FillExports leaves no place for another table.
func FillExports(s *Server) { s.classes.export.flightMax = 0 }

// Documents are the API's description, 3.1 and 3.0, as served.
func Documents(s *Server) (v31, v30 []byte) { return s.documents.v31, s.documents.v30 }

// Catalogue is every code, as the page of codes has it.
var Catalogue = catalogue

// CatalogueEntry is one of them.
type CatalogueEntry = entry
