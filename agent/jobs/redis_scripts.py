"""What Redis does in one step for `redis_store`, in its own Lua.

Each script is atomic, in memory and in the append-only file. Each may be sent again when its answer
was lost: who adds finds its own job there; whoever changes or forgets leaves a note under an id
that is drawn for that one request, and finds the note.

Keys, behind the store's prefix:

```
job:ID        hash        version (of the job, counted up by each change); body, payload, result;
                          key (its field in `keys`, or empty); list, own (the sets that it is in)
events:ID     list        event n at index n - 1
keys          hash        JSON of [kind, key]: id
in:STATE      sorted set  ids by the time of their making; in:STATE:SESSION for those of one session
forget        sorted set  ids by the time from which they may be forgotten
done:REQUEST  list        that a change was made, or what was forgotten; for a minute
```

The scripts name keys that are not announced to Redis, so they do not run on a Redis Cluster.
"""

from typing import Final

NOTE_SECONDS: Final = 60
"""For which it is known that a request was carried out: longer than any is repeated."""

ADD: Final = """
local prefix, id, field, list, own, created, forget = unpack(ARGV, 1, 7)
if field ~= '' then
  local known = redis.call('HGET', prefix .. 'keys', field)
  if known and redis.call('EXISTS', prefix .. 'job:' .. known) == 1 then return {known, 0} end
end
local job = prefix .. 'job:' .. id
if redis.call('EXISTS', job) == 1 then return {id, 0} end
redis.call('HSET', job, 'version', 1, 'body', ARGV[8], 'payload', ARGV[9], 'result', ARGV[10],
  'key', field, 'list', list, 'own', own)
for n = 11, #ARGV do redis.call('RPUSH', prefix .. 'events:' .. id, ARGV[n]) end
if field ~= '' then redis.call('HSET', prefix .. 'keys', field, id) end
redis.call('ZADD', prefix .. list, created, id)
redis.call('ZADD', prefix .. own, created, id)
if forget ~= '' then redis.call('ZADD', prefix .. 'forget', forget, id) end
return {id, 1}
"""
"""prefix, id, field of `keys`, list, own, created, forget, body, payload, result, events...

Gives the id of the job that is there then, and whether it is the new one.
"""

CHANGE: Final = f"""
local prefix, id, list, own, created, forget = unpack(ARGV, 1, 6)
local version, request, body, result = unpack(ARGV, 7, 10)
local job, note = prefix .. 'job:' .. id, prefix .. 'done:' .. request
if redis.call('EXISTS', note) == 1 then return 1 end
local stored = redis.call('HMGET', job, 'version', 'list', 'own')
if stored[1] ~= version then return 0 end
redis.call('HSET', job, 'body', body, 'list', list, 'own', own)
redis.call('HINCRBY', job, 'version', 1)
if result ~= '' then redis.call('HSET', job, 'result', result) end
for n = 11, #ARGV do redis.call('RPUSH', prefix .. 'events:' .. id, ARGV[n]) end
redis.call('ZREM', prefix .. stored[2], id)
redis.call('ZREM', prefix .. stored[3], id)
redis.call('ZADD', prefix .. list, created, id)
redis.call('ZADD', prefix .. own, created, id)
redis.call('ZREM', prefix .. 'forget', id)
if forget ~= '' then redis.call('ZADD', prefix .. 'forget', forget, id) end
redis.call('RPUSH', note, id)
redis.call('EXPIRE', note, {NOTE_SECONDS})
return 1
"""
"""prefix, id, list, own, created, forget, version, request, body, result, events...

Gives 1 when the change was made, 0 when the job is not of that version any more. An empty result
leaves the stored one.
"""

FORGET: Final = f"""
local prefix, request, now, most = unpack(ARGV)
local note = prefix .. 'done:' .. request
if redis.call('EXISTS', note) == 1 then return redis.call('LRANGE', note, 0, -1) end
local ids = redis.call('ZRANGEBYSCORE', prefix .. 'forget', '-inf', now, 'LIMIT', 0, most)
for _, id in ipairs(ids) do
  local job = prefix .. 'job:' .. id
  local of = redis.call('HMGET', job, 'key', 'list', 'own')
  if of[1] and of[1] ~= '' then redis.call('HDEL', prefix .. 'keys', of[1]) end
  if of[2] then redis.call('ZREM', prefix .. of[2], id) end
  if of[3] then redis.call('ZREM', prefix .. of[3], id) end
  redis.call('ZREM', prefix .. 'forget', id)
  redis.call('DEL', job, prefix .. 'events:' .. id)
  redis.call('RPUSH', note, id)
end
redis.call('EXPIRE', note, {NOTE_SECONDS})
return ids
"""
"""prefix, request, now, most. Gives the ids of the jobs that it removed, at most so many."""
