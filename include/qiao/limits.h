/* Every bound of the protocol in one place. Sizes in bytes, times in milliseconds. */
#ifndef QIAO_LIMITS_H
#define QIAO_LIMITS_H

#define QIAO_BODY_SIZE_MAX (1024u * 1024u)      /* one message body */
#define QIAO_HEADER_SIZE_MAX (16u * 1024u)      /* one signed header */
#define QIAO_ENVELOPE_SIZE_MAX (QIAO_BODY_SIZE_MAX + 2u * QIAO_HEADER_SIZE_MAX) /* header, body, proof, transit */
#define QIAO_FRAME_SIZE_MAX (4u * 1024u * 1024u) /* one link frame, header included */
#define QIAO_FRAME_SIZE_MAX_BEFORE_UP (64u * 1024u) /* the same before the peer has proved who it is */
#define QIAO_HOPS_MAX 32u
#define QIAO_SHARE_SIZE_MAX (12u * 1024u)       /* of what nodes say whom a copy of a message to an area set is for */
#define QIAO_LANES 3u
#define QIAO_ADDRESS_SIZE_MAX 512u              /* one serialised address, with room for fields of newer versions */
#define QIAO_AREA_SIZE_MAX 32u                  /* area code, with a possible wildcard */
#define QIAO_ORG_SIZE_MAX 64u
#define QIAO_SEAT_SIZE_MAX 64u
#define QIAO_SERVICE_SIZE_MAX 64u
#define QIAO_NAME_SIZE_MAX 64u                  /* node id */
#define QIAO_CASE_ID_SIZE_MAX 64u
#define QIAO_TEXT_SIZE_MAX 1024u                /* reasons in receipts and errors */
#define QIAO_MATTER_SIZE_MAX 64u
#define QIAO_PURPOSE_SIZE_MAX 64u
#define QIAO_BASIS_SIZE_MAX 64u                 /* catalogue, article or version of a legal basis */
#define QIAO_BASES_MAX 16u                      /* legal bases of one message */
#define QIAO_RETENTION_SIZE_MAX 64u             /* name of a retention rule */
#define QIAO_CONSENT_SIZE_MAX 128u
#define QIAO_ATTACHMENTS_MAX 16u                /* files referenced by one message */
#define QIAO_ATTACHMENT_SIZE_MAX (256u * 1024u * 1024u)
#define QIAO_ATTACHMENT_CHUNK_SIZE (32u * 1024u) /* the last one of a file is shorter */
#define QIAO_BATCH_MESSAGES_MAX 65536u          /* messages in one batch frame */
#define QIAO_RECORD_SIZE_TARGET (512u * 1024u)  /* a stored run of messages is closed when it grows past this */
#define QIAO_CREDIT_MESSAGES_MAX (1024u * 1024u)    /* what a peer is believed to take unacknowledged on a lane */
#define QIAO_CREDIT_BYTES_MAX (64u * 1024u * 1024u)
#define QIAO_PROTOBUF_DEPTH_MAX 8u              /* nesting in anything that is decoded */

#endif
