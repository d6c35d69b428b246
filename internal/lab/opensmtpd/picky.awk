# A filter of OpenSMTPD's (smtpd-filters(7)): it refuses messages by their
# subject, and ends the session at the 13th message. A line from smtpd is
# "filter|version|time|smtp-in|phase|session|token|text".
BEGIN { FS = "|" }

$0 == "config|ready" {
  print "register|filter|smtp-in|mail-from"
  print "register|filter|smtp-in|data-line"
  print "register|filter|smtp-in|commit"
  print "register|ready"
  fflush()
  next
}

$1 != "filter" { next }

{ session = $6; to = session "|" $7 "|"; answer = "proceed" }

$5 == "data-line" {
  line = $0
  for (i = 0; i < 7; i++) line = substr(line, index(line, "|") + 1)
  if (!body[session] && line ~ /^Subject: refuse/) refused[session] = 1
  if (line == "") body[session] = 1
  print "filter-dataline|" to line
  fflush()
  next
}

$5 == "mail-from" && ++messages[session] > 12 { answer = "disconnect|421 4.7.0 too many messages in one session" }

$5 == "commit" {
  if (refused[session]) answer = "reject|550 5.7.1 not this subject"
  delete refused[session]
  delete body[session]
}

{ print "filter-result|" to answer; fflush() }
