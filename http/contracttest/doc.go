// Package contracttest holds exchanges with the API against its OpenAPI description, as
// clients are given it, with a reader that is not what wrote it (kin-openapi). It knows
// nothing of ours.
package contracttest
