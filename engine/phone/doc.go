// Package phone knows the mobile numbers of Côte d'Ivoire and their operators.
//
// Since 31 January 2021 (ARTCI's numbering plan) every number has ten digits,
// the leading 0 included, so that 07 00 00 00 00 is +2250700000000 abroad. Mobile
// numbers begin with 07 (Orange), 05 (MTN) or 01 (Moov); Wave has no prefix: it is
// an application that works over any of them.
//
// A Number is always valid and always E.164. Nothing here prints one in full by
// accident: String masks, and only E164 and National, which a gateway's client
// calls, give the digits.
package phone
