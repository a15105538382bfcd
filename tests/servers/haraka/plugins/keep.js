'use strict'
// Keeps each message in a file, whole or not at all, and knows no recipient called nobody.
const fs = require('fs')
const path = require('path')

const kept = path.join(__dirname, '..', 'kept')

exports.hook_lookup_rdns = (next) => next(OK, 'localhost')

exports.hook_rcpt = (next, connection, params) =>
    params[0].user === 'nobody' ? next(DENY, 'no such user') : next(OK)

exports.hook_queue = function (next, connection) {
    const name = path.join(kept, connection.transaction.uuid)
    const file = fs.createWriteStream(`${name}.part`)
    connection.transaction.message_stream.pipe(file)
    file.on('finish', () => fs.rename(`${name}.part`, name, (error) => next(error ? DENYSOFT : OK)))
}
