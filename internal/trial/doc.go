// Package trial tries the real programs where things go wrong: killed at every
// step, refused, left without an answer, cut off from the network, many at
// once. Its tests build sendmail and mailcrane, give each trial a home folder
// of its own, and look only at what a person or a server would see: exit
// codes, words, files, and what was received.
//
// The smarthost is one of the test's own where it has to misbehave, and the
// lab's Postfix and Exim where a real server can be made to say no.
package trial
