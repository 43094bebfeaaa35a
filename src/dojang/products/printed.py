"""The banks' printed guides, step by step, shortened: Korean and English. Ours are held against these."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed step. `words` are the guide's own names of what is pressed and filled in there."""

    korean: str
    english: str
    words: tuple[str, ...] = ()


Lines = tuple[Printed, ...]

_FINANCIAL_WEB: Lines = (
    Printed("홈페이지에서 인증센터, 개인", "open the certificate centre, personal", ("인증센터", "개인")),
    Printed(
        "금융인증서 발급/재발급", "financial certificate, issue or re-issue", ("금융인증서", "발급/재발급")
    ),
    Printed("전체약관보기", "show all terms", ("전체약관보기",)),
    Printed("전체동의", "agree to all", ("전체동의",)),
    Printed(
        "ID와 주민등록번호 입력, 모르면 ID 조회",
        "user id and RRN, or look the id up",
        ("ID", "주민등록번호", "ID를 모르시는 경우"),
    ),
    Printed("확인", "confirm", ("확인",)),
    Printed("ARS 인증받기", "ask for the call", ("ARS 인증", "인증받기")),
    Printed(
        "휴대폰 번호 선택, 바뀌었으면 고객정보수정",
        "choose the number, or change it",
        ("휴대폰 번호", "고객정보수정", "확인"),
    ),
    Printed(
        "전화를 받아 승인번호 입력, 전화승인완료",
        "take the call, key the number in, done",
        ("승인번호", "전화승인완료"),
    ),
    Printed(
        "출금계좌와 비밀번호, 인증방식 선택",
        "account and password, choose the factor",
        ("출금계좌", "계좌비밀번호", "인증방식"),
    ),
    Printed(
        "보안카드 일련번호와 비밀번호",
        "security card: serial and codes",
        ("보안카드", "일련번호 끝 4자리", "비밀번호"),
    ),
    Printed("확인", "confirm", ("확인",)),
    Printed("이메일과 휴대폰번호", "e-mail and telephone", ("이메일", "휴대폰번호", "확인")),
    Printed("이름, 휴대폰번호, 생년월일", "name, telephone, birth date", ("이름", "휴대폰번호", "생년월일")),
    Printed("확인", "confirm", ("확인",)),
    Printed("받은 문자에 화면의 숫자를 답장", "reply to the text with the number shown", ("숫자", "답장")),
    Printed("금융인증서 비밀번호 등록", "choose the certificate's PIN", ("금융인증서 비밀번호",)),
    Printed("확인하면 발급", "confirm: issued", ("확인",)),
)
_FINANCIAL_APP: Lines = (
    Printed("앱 실행, 메뉴(≡)", "open the app, menu"),
    Printed("인증/보안", "certificates and security", ("인증/보안",)),
    Printed(
        "금융인증서, 인증서발급/재발급",
        "financial certificate, issue or re-issue",
        ("금융인증서", "인증서발급/재발급"),
    ),
    Printed("금융인증서 발급/재발급", "issue or re-issue", ("금융인증서 발급/재발급",)),
    Printed("약관 전체 동의, 전체동의", "agree to all terms", ("약관 전체 동의", "전체동의")),
    Printed("다음", "next", ("다음",)),
    Printed(
        "연락처 본인인증과 ARS 본인인증 가운데 선택",
        "choose telephone or ARS",
        ("인증방식", "연락처 본인인증", "ARS 본인인증"),
    ),
    Printed("확인", "confirm", ("확인",)),
    Printed("출금계좌 비밀번호", "account password", ("출금계좌 비밀번호",)),
    Printed("은행 인증서 비밀번호", "password of a certificate of the bank", ("은행 인증서 비밀번호",)),
    Printed("출금 계좌번호", "account number", ("출금 계좌번호",)),
    Printed("다음", "next", ("다음",)),
    Printed("은행인증서 패턴", "pattern of the bank certificate", ("은행인증서 패턴",)),
    Printed(
        "고객명, 이메일, 주소, 전화번호 확인, 다음",
        "check name, e-mail, address, telephone",
        ("고객명", "이메일", "주소", "전화번호", "다음"),
    ),
    Printed("금융인증서 비밀번호 등록", "choose the certificate's PIN", ("금융인증서 비밀번호",)),
    Printed("발급 완료", "issued", ("금융인증서", "발급")),
)
_JOINT_ISSUE: Lines = (
    Printed("앱 설치와 실행", "install and open the app"),
    Printed("공동인증서 발급 요청, 모바일 발급", "request, on this telephone", ("모바일 발급",)),
    Printed("이용 약관 동의", "agree to the terms", ("약관", "동의")),
    Printed("주민등록번호와 ID 조회", "RRN and user id", ("주민등록번호", "ID")),
    Printed("본인 확인: 휴대전화와 계좌", "identity: telephone and account", ("본인", "휴대폰", "계좌")),
    Printed("인증서 암호 설정", "choose the certificate's password", ("인증서 암호",)),
    Printed("발급 완료 확인", "issued", ("발급",)),
)
_JOINT_REISSUE: Lines = (
    Printed("앱 실행", "open the app"),
    Printed("재발급 요청 선택", "choose re-issue", ("재발급",)),
    Printed("본인 확인: 휴대전화 인증", "identity: telephone", ("본인", "휴대폰")),
    Printed("주민등록번호와 정보 입력", "RRN and further details", ("주민등록번호",)),
    Printed("이용 약관 동의", "agree to the terms", ("약관", "동의")),
    Printed("재발급 완료 확인", "reissue completed", ("발급",)),
)
_BANK: Lines = (
    Printed("앱 실행", "open the app"),
    Printed("약관 동의", "agree to the terms", ("약관", "동의")),
    Printed("휴대폰 본인확인", "telephone in one's own name", ("휴대폰", "본인")),
    Printed("신분증 확인", "identity card", ("신분증",)),
    Printed("계좌 확인: 비밀번호와 1원", "accounts: password and one won", ("계좌비밀번호", "1원")),
    Printed("패턴 등록", "choose the pattern", ("패턴",)),
    Printed("발급 완료", "issued", ("발급",)),
)
#: For the bank certificate nobody has printed a guide; the list is our own.
PRINTED: Mapping[str, Lines] = MappingProxyType(
    {
        "financial-web-issue": _FINANCIAL_WEB,
        "financial-web-reissue": _FINANCIAL_WEB,
        "financial-app-issue": _FINANCIAL_APP,
        "financial-app-reissue": _FINANCIAL_APP,
        "joint-app-issue": _JOINT_ISSUE,
        "joint-app-reissue": _JOINT_REISSUE,
        "bank-app-issue": _BANK,
        "bank-app-reissue": _BANK,
    }
)
