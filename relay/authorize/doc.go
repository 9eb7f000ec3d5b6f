// Package authorize is an auth endpoint: it signs subscriptions and sign-ins of clients, as
// pusher-js asks for it, for those of whom a [Decider] says that they may. Whatever is not said
// to be allowed is refused. These are the rules.
//
// A pattern takes a name apart in one way or in none. A name of no pattern is refused before
// anybody is asked.
//
// No answer is no. A yes with anything in it that is not understood, such as a page to log in, is
// no yes. Of a token nothing is looked at before it is known who signed it, but for what says by
// which key; and that is found among the keys of the one issuer, whatever the token says of where
// to look. Two channels never ask for the same of a token, as a claim's fields can be told apart.
//
// Answers are kept for seconds, by a digest of who asks for what, as many as fit; those who ask the
// same at a time are one question.
//
// The browser sends cookies along whatever page asks. So the origins that may connect do not do:
// those that may ask are named one by one.
//
// Nothing is signed whose form was not checked, since the signature is the app's own. What is signed
// says of whom it was decided, and which revocation was the last one then: so nobody has to be told
// who was let in, and to revoke is to compare two numbers (see [relay.Revocation]).
package authorize
