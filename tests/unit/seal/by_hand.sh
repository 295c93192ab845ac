#!/bin/sh
# by_hand.sh QIAO [OPENSSL]: what `qiao seal` makes is opened with the openssl command alone, and what that makes with `qiao open`.
# The steps for suite GM1 are those of proto/seal/README.md, in both directions.
qiao=$1
openssl=${2:-openssl}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset QIAO_CERTIFICATE QIAO_KEY
checks=0 failures=0

check() { # WHAT COMMAND…
    what=$1
    shift
    checks=$((checks + 1))
    "$@" >said 2>&1 && return
    failures=$((failures + 1))
    echo "FAILED: $what: $(tail -n 5 said)"
}
same() { cmp -s "$1" "$2"; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

# ---- keys of every kind that receives ----
seat() { # NAME, then how openssl makes the key
    name=$1
    shift
    "$openssl" genpkey "$@" -out "$name.key" 2>>log && "$openssl" req -new -x509 -key "$name.key" -out "$name.crt" -subj "/O=Clinic/CN=$name" -days 30 -sm3 2>>log ||
        "$openssl" req -new -x509 -key "$name.key" -out "$name.crt" -subj "/O=Clinic/CN=$name" -days 30 2>>log
}
seat p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
seat other -algorithm EC -pkeyopt ec_paramgen_curve:P-256
seat rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
seat sm2 -algorithm EC -pkeyopt ec_paramgen_curve:SM2
seat sm2b -algorithm EC -pkeyopt ec_paramgen_curve:SM2
seat ed25519 -algorithm ED25519
for name in p256 other rsa sm2 sm2b ed25519; do check "certificate $name" test -s $name.crt; done
printf 'Bring the papers on Tuesday.\n' >letter

# The content of an opened inside (sealed_frame.c): its size stands in bytes 12 to 15.
content_of() { # INSIDE
    size=$((0x$(dd if="$1" bs=1 skip=12 count=4 2>/dev/null | hex)))
    dd if="$1" bs=1 skip=64 count=$size 2>/dev/null
}

# ---- INT1: CMS, ours opened by openssl ----
check "seal for two" "$qiao" seal --to p256.crt --to rsa.crt -o int1 letter
for name in p256 rsa; do
    check "openssl opens ours with $name" "$openssl" cms -decrypt -inform DER -in int1 -recip $name.crt -inkey $name.key -out inside
    content_of inside >out
    check "and finds the letter" same letter out
done
check "others do not" sh -c "! '$openssl' cms -decrypt -inform DER -in int1 -recip other.crt -inkey other.key -out none"

# ---- INT1: theirs opened by us ----
theirs() { # NAME, then options of openssl cms
    name=$1
    shift
    check "openssl seals for $name $*" "$openssl" cms -encrypt -binary -aes-256-gcm -in letter -outform DER -out theirs -recip $name.crt "$@"
    check "we open it" "$qiao" open --certificate $name.crt --key $name.key -o out theirs
    check "and find the letter" same letter out
    check "not bound to a message" sh -c "! '$qiao' open --certificate $name.crt --key $name.key --message 01890a5d-ac96-774b-bcce-b302099a8057 theirs"
    rm -f out
}
theirs p256
theirs p256 -keyopt ecdh_kdf_md:sha256
theirs p256 -keyopt ecdh_kdf_md:sha384
theirs p256 -keyid
theirs rsa
theirs rsa -keyid
theirs rsa -keyopt rsa_padding_mode:oaep
theirs rsa -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
"$openssl" cms -encrypt -binary -aes-256-gcm -in letter -outform DER -out theirs -recip other.crt -recip p256.crt 2>>log
check "for two of theirs" "$qiao" open --certificate p256.crt --key p256.key -o out theirs
check "the letter" same letter out
"$openssl" cms -encrypt -binary -aes-256-cbc -in letter -outform DER -out cbc -recip p256.crt 2>>log
check "without authentication it is none of ours" sh -c "test -s cbc && ! '$qiao' open --certificate p256.crt --key p256.key cbc"

# ---- GM1: ours opened by hand ----
id=01890a5d-ac96-774b-bcce-b302099a8057
check "seal for two SM2 keys" "$qiao" seal --to sm2.crt --to sm2b.crt --message $id -o gm1 letter

# place LINE_NUMBER of asn1parse: "offset headerlength length"
place() { "$openssl" asn1parse -inform DER -in gm1 | sed -n "$1p" | sed 's/^ *\([0-9]*\):d=[0-9]* *hl=\([0-9]*\) *l= *\([0-9]*\) .*/\1 \2 \3/'; }
# bytes OFFSET COUNT of the container
bytes() { dd if=gm1 bs=1 skip="$1" count="$2" 2>/dev/null; }
"$openssl" asn1parse -inform DER -in gm1 >map
key_id() { "$openssl" x509 -in "$1.crt" -outform DER | "$openssl" dgst -sha256 -binary | head -c 16 | hex; }

open_by_hand() { # NAME
    # The recipient with our key id, and the second OCTET STRING behind: key id, algorithm (SEQUENCE, OBJECT), encryptedKey.
    wanted=$(key_id "$1") line=0 at=
    while line=$((line + 1)) && [ $line -le "$(wc -l <map)" ]; do
        # shellcheck disable=SC2046
        set -- "$1" $(place $line)
        [ "${4:-0}" = 16 ] && [ "$(bytes $(($2 + $3)) 16 | hex)" = "$wanted" ] && at=$((line + 3)) && break
    done
    [ -n "$at" ] || return 1
    # shellcheck disable=SC2046
    set -- "$1" $(place $at)
    "$openssl" asn1parse -inform DER -in gm1 -strparse "$2" -noout -out k.enc >/dev/null &&
        "$openssl" pkeyutl -decrypt -in k.enc -inkey "$1.key" -out k || return 1
    label=$(printf 'qiao sealed GM1' | hex)
    "$openssl" kdf -keylen 48 -kdfopt digest:SM3 -kdfopt hexkey:"$(hex <k)$label" -binary X963KDF >keys || return 1
    # RecipientInfos is the SET, AuthEncryptedContentInfo the SEQUENCE before "pkcs7-data", the mac the last item.
    # shellcheck disable=SC2046
    set -- $(place "$(grep -n 'd=3 .*SET' map | cut -d: -f1)")
    set_at=$1
    line=$(grep -n 'pkcs7-data' map | cut -d: -f1)
    # shellcheck disable=SC2046
    set -- $(place $((line - 1)))
    authenticated=$(($1 + $2 + $3 - set_at))
    bytes "$set_at" $authenticated | "$openssl" dgst -sm3 -mac hmac -macopt hexkey:"$(tail -c 32 keys | hex)" -binary | hex >mac
    bytes $((set_at + authenticated + 2)) 32 | hex | cmp -s - mac || return 1
    # nonce and ciphertext: the last two items of that SEQUENCE.
    # shellcheck disable=SC2046
    set -- $(place $((line + 3)))
    nonce=$(bytes $(($1 + $2)) 16 | hex)
    # shellcheck disable=SC2046
    set -- $(place $((line + 4)))
    tail -c +$(($1 + $2 + 1)) gm1 | head -c "$3" >ciphertext
    "$openssl" enc -d -sm4-ctr -in ciphertext -K "$(head -c 16 keys | hex)" -iv "$nonce" -out inside
}
for name in sm2 sm2b; do
    rm -f inside
    check "by hand with $name" open_by_hand $name
    content_of inside >out
    check "the letter" same letter out
    check "its message" sh -c "dd if=inside bs=1 skip=16 count=16 2>/dev/null | od -An -tx1 | tr -d ' \n' | grep -q $(echo $id | tr -d -)"
done
printf 'x' | dd of=gm1 bs=1 seek=$(($(wc -c <gm1) - 200)) conv=notrunc 2>/dev/null
check "altered, the mac does not fit" sh -c "! '$qiao' open --certificate sm2.crt --key sm2.key gm1"
if open_by_hand sm2 2>>log; then
    failures=$((failures + 1))
    echo "FAILED: by hand: the mac fits what was altered"
fi

# ---- GM1: made by hand, opened by us. Lengths below 65536 in three bytes, so that sizes are known beforehand. ----
unhex() { sed 's/../\\x&/g' | xargs -0 printf '%b'; }
der() { # TAG FILE…
    tag=$1
    shift
    cat "$@" >der.content
    length=$(wc -c <der.content)
    if [ "$length" -lt 128 ]; then printf '%s%02x' "$tag" "$length"; elif [ "$length" -lt 256 ]; then printf '%s81%02x' "$tag" "$length"; else printf '%s82%04x' "$tag" "$length"; fi | unhex
    cat der.content
}
name=sm2
key_id $name | unhex >key_id
printf 6b6579 | unhex >name && cat key_id >>name                    # "key" and the key id: how a recipient is digested
"$openssl" dgst -sm3 -binary name >digest && "$openssl" dgst -sm3 -binary digest >recipients
{ printf 'QIAO'; printf '0102000000000000' | unhex; printf '%08x' "$(wc -c <letter)" | unhex; echo $id | tr -d '\n-' | unhex; cat recipients letter; } >frame
{ cat frame; head -c $((1024 - $(wc -c <frame))) /dev/zero; } >inside
"$openssl" rand 32 >k && "$openssl" rand 16 >nonce
"$openssl" pkeyutl -encrypt -in k -certin -inkey $name.crt -out k.enc 2>>log
"$openssl" kdf -keylen 48 -kdfopt digest:SM3 -kdfopt hexkey:"$(hex <k)$(printf 'qiao sealed GM1' | hex)" -binary X963KDF >keys
"$openssl" enc -e -sm4-ctr -in inside -K "$(head -c 16 keys | hex)" -iv "$(hex <nonce)" -out ciphertext
printf '300b06092a811ccf550182' | unhex >sm2_algorithm && printf '2d03' | unhex >>sm2_algorithm
printf 020102 | unhex >version2 && printf 020100 | unhex >version0
der 80 key_id >a && der 04 k.enc >b && der 30 version2 a sm2_algorithm b >info && der 31 info >infos
printf '69819cb993d597b6ea999db69fd7d7929598c575' | unhex >oid && der 06 oid >a && der 04 nonce >b && der 30 a b >algorithm
printf '06092a864886f70d010701' | unhex >data && der 80 ciphertext >a && der 30 data algorithm a >content
cat infos content | "$openssl" dgst -sm3 -mac hmac -macopt hexkey:"$(tail -c 32 keys | hex)" -binary >a && der 04 a >mac
der 30 version0 infos content mac >enveloped && der a0 enveloped >explicit
printf '060b2a864886f70d0109100117' | unhex >type && der 30 type explicit >made
check "made by hand" "$qiao" open --certificate $name.crt --key $name.key --message $id -o out made
check "the letter" same letter out

# ---- the command itself ----
check "Ed25519 cannot receive" sh -c "'$qiao' seal --to ed25519.crt letter 2>&1 >none | grep -q 'cannot receive'"
check "GM1 is not for P-256" sh -c "'$qiao' seal --suite GM1 --to p256.crt letter 2>&1 >none | grep -q 'not one of the suite'"
check "old and new key" "$qiao" open --with other.crt,other.key --with p256.crt,p256.key -o out int1
check "the letter" same letter out
check "nobody else reads the result" test "$(stat -c %a out)" = 600
check "passphrase" sh -c "echo secret >word; '$openssl' pkey -in p256.key -aes256 -passout file:word -out locked.key &&
    '$qiao' open --certificate p256.crt --key locked.key --passphrase-file word int1 | cmp - letter"
check "describe" sh -c "'$qiao' --json open --describe int1 | grep -q '\"suite\":\"INT1\",\"paddedSize\":1024'"
echo "$checks checks, $failures failed"
[ $failures -eq 0 ]
