-- What the simulated MSSanté operator keeps. One row per logical mail and recipient: Message-ID is the identity of a mail (mssante.md 7.3).

-- :schema
create table if not exists mail (
  message_id     text not null,
  recipient      text not null,
  sha256         text not null,
  times_received integer not null,
  primary key (message_id, recipient)
) strict;
create table if not exists mailbox (
  address   text primary key,
  structure text not null
) strict;
create table if not exists patient (
  matricule text primary key
) strict;

-- :digests_of
select distinct sha256 from mail where message_id = ?;

-- :receive
insert into mail (message_id, recipient, sha256, times_received) values (?, ?, ?, 1)
on conflict (message_id, recipient) do update set times_received = times_received + 1;

-- :listing
select message_id, recipient, sha256, times_received from mail order by rowid;

-- :owner
select structure from mailbox where address = ?;

-- :open_mailbox
insert into mailbox (address, structure) values (?, ?) on conflict (address) do update set structure = excluded.structure;

-- :knows_patient
select 1 from patient where matricule = ?;

-- :add_patient
insert or ignore into patient (matricule) values (?);

-- :remove_patient
delete from patient where matricule = ?;

-- :forget_mails
delete from mail;
