"""The banks' printed guides, step by step, shortened: Korean and English. Ours are held against these."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Lines = tuple[tuple[str, str], ...]

_FINANCIAL_WEB: Lines = (
    ("홈페이지에서 인증센터, 개인", "open the certificate centre, personal"),
    ("금융인증서 발급/재발급", "financial certificate, issue or re-issue"),
    ("전체약관보기", "show all terms"),
    ("전체동의", "agree to all"),
    ("ID와 주민등록번호 입력, 모르면 ID 조회", "user id and RRN, or look the id up"),
    ("확인", "confirm"),
    ("ARS 인증받기", "ask for the call"),
    ("휴대폰번호 선택, 바뀌었으면 고객정보수정", "choose the number, or change it"),
    ("전화를 받아 승인번호 입력, 전화승인완료", "take the call, key the number in, done"),
    ("출금계좌와 비밀번호, 인증방식 선택", "account and password, choose the factor"),
    ("보안카드 일련번호와 비밀번호", "security card: serial and codes"),
    ("확인", "confirm"),
    ("이메일과 휴대폰번호", "e-mail and telephone"),
    ("이름, 휴대폰번호, 생년월일", "name, telephone, birth date"),
    ("확인", "confirm"),
    ("받은 문자에 화면의 숫자를 답장", "reply to the text with the number shown"),
    ("금융인증서 비밀번호 등록", "choose the certificate's PIN"),
    ("확인하면 발급", "confirm: issued"),
)
_FINANCIAL_APP: Lines = (
    ("앱 실행, 메뉴(≡)", "open the app, menu"),
    ("인증/보안", "certificates and security"),
    ("금융인증서, 인증서발급/재발급", "financial certificate, issue or re-issue"),
    ("발급/재발급", "issue or re-issue"),
    ("약관 전체 동의", "agree to all terms"),
    ("다음", "next"),
    ("연락처 인증과 ARS 가운데 선택", "choose telephone or ARS"),
    ("확인", "confirm"),
    ("출금계좌 비밀번호", "account password"),
    ("은행 인증서 비밀번호", "password of a certificate of the bank"),
    ("출금 계좌번호", "account number"),
    ("다음", "next"),
    ("은행인증서 패턴", "pattern of the bank certificate"),
    ("고객명, 이메일, 주소, 전화번호 확인", "check name, e-mail, address, telephone"),
    ("금융인증서 비밀번호 등록", "choose the certificate's PIN"),
    ("발급 완료", "issued"),
)
_JOINT_ISSUE: Lines = (
    ("앱 설치와 실행", "install and open the app"),
    ("공동인증서 발급 요청, 모바일 발급", "request, on this telephone"),
    ("이용 약관 동의", "agree to the terms"),
    ("주민등록번호와 ID 조회", "RRN and user id"),
    ("본인 확인: 휴대전화와 계좌", "identity: telephone and account"),
    ("인증서 암호 설정", "choose the certificate's password"),
    ("발급 완료 확인", "issued"),
)
_JOINT_REISSUE: Lines = (
    ("앱 실행", "open the app"),
    ("재발급 요청 선택", "choose re-issue"),
    ("본인 확인: 휴대전화 인증", "identity: telephone"),
    ("주민등록번호와 정보 입력", "RRN and further details"),
    ("이용 약관 동의", "agree to the terms"),
    ("재발급 완료 확인", "issued anew"),
)
_BANK: Lines = (
    ("앱 실행", "open the app"),
    ("약관 동의", "agree to the terms"),
    ("휴대폰 본인확인", "telephone in one's own name"),
    ("신분증 확인", "identity card"),
    ("계좌 확인: 비밀번호와 1원", "accounts: password and one won"),
    ("패턴 등록", "choose the pattern"),
    ("발급 완료", "issued"),
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
